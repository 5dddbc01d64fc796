"""New terms (Regulamin) will apply, and where to answer them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    valid_from: date
    terms_version: str

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(valid_from=date.fromisoformat(occasion.about["valid_from"]), terms_version=occasion.about["terms_version"])
