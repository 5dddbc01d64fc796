"""The temporary password of a new account dies in three days; this mail holds none (S5 mailed it)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    mailed_at: datetime | None
    until: datetime

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            login=occasion.account.login,
            mailed_at=occasion.account.mail_accepted_at,
            until=datetime.fromisoformat(occasion.about["expires_at"]),
        )
