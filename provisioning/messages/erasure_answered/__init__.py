"""The answer to a request under GDPR art. 17; it names the right to complain (art. 12(4))."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.domain.erasure import ErasureDecision
from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    decision: ErasureDecision
    received_on: date
    ground: str | None

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            decision=ErasureDecision(occasion.about["decision"]),
            received_on=date.fromisoformat(occasion.about["received_on"]),
            ground=occasion.about.get("ground"),
        )
