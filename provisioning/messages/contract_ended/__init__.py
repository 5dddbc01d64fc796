"""The last contract of an account has ended (S8): it will be closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    closes_on: date

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(login=occasion.account.login, closes_on=date.fromisoformat(occasion.about["closes_on"]))
