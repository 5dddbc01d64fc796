"""The application was rejected, and why."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    reference: str
    reason: str

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(reference=occasion.application.reference, reason=occasion.application.reason or "")
