"""Asks whether the address of an application is the applicant's own (S1)."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.domain.application import SignatureKind
from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    reference: str
    confirm_url: str
    status_url: str
    hours: int
    paper: bool  # it is filed only when the signed paper arrives

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            reference=occasion.application.reference,
            confirm_url=f"{occasion.webapp}/wniosek/potwierdzenie/{occasion.confirmation_token}",
            status_url=occasion.status_url,
            hours=occasion.confirmation_hours,
            paper=(occasion.application.signature or {}).get("kind") == SignatureKind.PAPER,
        )
