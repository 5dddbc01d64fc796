"""A request to erase personal data (GDPR art. 17): its own one-month clock and its own answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from provisioning.domain.errors import NotPossible


class ErasureDecision(StrEnum):
    ERASED = "erased"  # account and evidence
    PARTLY = "partly"  # the account goes, the evidence stays for its retention, on a legal ground
    REFUSED = "refused"


@dataclass
class ErasureRequest:
    """One request; `due_on` is one month after it came (GDPR art. 12(3))."""

    request_id: str
    login: str
    received_on: date
    due_on: date
    channel: str
    entered_by: str
    created_at: datetime
    decision: ErasureDecision | None = None
    ground: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None

    def decide(self, decision: ErasureDecision, ground: str | None, by: str, at: datetime) -> None:
        """
        Raises:
            NotPossible: `already_decided`; `ground_missing` when something is kept without a legal ground.
        """
        if self.decision is not None:
            raise NotPossible("already_decided", "This request has been decided.")
        if decision is not ErasureDecision.ERASED and not ground:
            raise NotPossible("ground_missing", "Name the legal ground on which data are kept.")
        self.decision, self.ground, self.decided_by, self.decided_at = decision, ground, by, at
