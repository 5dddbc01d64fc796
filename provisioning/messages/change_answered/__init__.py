"""What became of the wish for other contact data."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    done: bool
    reason: str | None

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(done=occasion.about["outcome"] == "done", reason=occasion.about.get("reason"))
