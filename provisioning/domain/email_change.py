"""A customer changes the e-mail address: proved by a link to the new one, and the old one may undo it for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from provisioning.domain.errors import NotPossible
from provisioning.domain.rulebook import Rulebook


@dataclass
class EmailChange:
    """One change of address.

    Attributes:
        nonce: yields the link to the new address, undo_nonce the one to the old; None once used or replaced.
    """

    change_id: str
    login: str
    old_email: str
    new_email: str
    asked_at: datetime
    nonce: bytes | None = field(default=None, repr=False)
    undo_nonce: bytes | None = field(default=None, repr=False)
    confirmed_at: datetime | None = None
    undone_at: datetime | None = None

    def confirm(self, now: datetime, rules: Rulebook) -> None:
        """
        Raises:
            NotPossible: `already_confirmed`, or `link_expired`.
        """
        if self.confirmed_at is not None:
            raise NotPossible("already_confirmed", "This address is confirmed already.")
        if self.nonce is None or now - self.asked_at > rules.email_confirmation_life:
            raise NotPossible("link_expired", "The link has expired, or a newer change replaced it.")
        self.confirmed_at, self.nonce = now, None

    def undo(self, now: datetime, rules: Rulebook) -> None:
        """
        Raises:
            NotPossible: `already_undone`, or `link_expired`.
        """
        if self.undone_at is not None:
            raise NotPossible("already_undone", "This change has been undone already.")
        if self.confirmed_at is None or self.undo_nonce is None or now - self.confirmed_at > rules.email_undo_life:
            raise NotPossible("link_expired", "The link has expired.")
        self.undone_at, self.undo_nonce = now, None
