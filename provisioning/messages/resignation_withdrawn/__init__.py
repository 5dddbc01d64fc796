"""A resignation was taken back (S8)."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(login=occasion.account.login)
