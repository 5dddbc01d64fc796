"""The access to an account has ended (S8), and when the account will be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    delete_on: date | None

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(login=occasion.account.login, delete_on=occasion.account.delete_on)
