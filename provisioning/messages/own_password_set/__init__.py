"""An own password was set: the first one, a changed one, or after a temporary one (S6, S7)."""

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
