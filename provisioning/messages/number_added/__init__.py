"""One account, one more customer number; the login and the password stay."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    customer_number: str

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(login=occasion.account.login, customer_number=occasion.about["customer_number"])
