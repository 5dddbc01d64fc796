"""Says that an application has arrived, and by when it will be decided (S4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.domain.application import Channel
from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    reference: str
    filed_on: date | None
    due_on: date | None
    term_days: int
    status_url: str | None  # only of an application that came over the web

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        a = occasion.application
        return cls(
            reference=a.reference,
            filed_on=a.filed_on,
            due_on=a.due_on,
            term_days=occasion.services.rules.term_days,
            status_url=occasion.status_url if a.channel is Channel.WEB else None,
        )
