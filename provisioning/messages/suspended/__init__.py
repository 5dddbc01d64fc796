"""The access to an account is suspended (S8), and why."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    reason: str

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(login=occasion.account.login, reason=occasion.about.get("reason", ""))
