"""To the new address: prove that it is yours."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    url: str
    hours: int

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            login=occasion.account.login, url=f"{occasion.webapp}/konto/email/{occasion.token}", hours=occasion.confirmation_hours
        )
