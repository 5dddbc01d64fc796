"""Somebody asked for a new password to an account that is closed (S7): none was sent."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls()
