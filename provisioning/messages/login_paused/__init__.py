"""Somebody typed wrong passwords until Keycloak paused logging in; a notice for the owner, without a link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    at: datetime

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(login=occasion.account.login, at=datetime.fromisoformat(occasion.about["at"]))
