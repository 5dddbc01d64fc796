"""To the old address: it was changed, and how to take that back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    url: str
    days: int

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            login=occasion.account.login,
            url=f"{occasion.webapp}/konto/email/cofnij/{occasion.token}",
            days=occasion.services.rules.email_undo_life // timedelta(days=1),
        )
