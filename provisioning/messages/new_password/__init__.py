"""A new temporary password (S7): login, password, its life, and what to do if it was not you."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    password: str = field(repr=False)
    until: datetime

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            login=occasion.account.login, password=occasion.token, until=datetime.fromisoformat(occasion.about["expires_at"])
        )
