"""Something is missing from an application, and how to add it."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.domain.application import Channel
from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    reference: str
    missing: str
    status_url: str | None  # only of an application that came over the web

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        a = occasion.application
        return cls(
            reference=a.reference, missing=a.reason or "", status_url=occasion.status_url if a.channel is Channel.WEB else None
        )
