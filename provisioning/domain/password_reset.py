"""Rule S7: somebody asks for a new temporary password. Who gets one, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.rulebook import Rulebook


class ResetOutcome(StrEnum):
    """What becomes of a wish; the person who asked is told nothing of it."""

    ISSUED = "issued"
    REFUSED = "refused"  # suspended or closed: a mail says whom to ask
    LIMITED = "limited"  # over the limit of this login, or of the address (F13): no mail
    UNKNOWN = "unknown"  # no such login
    NOT_NOW = "not_now"  # no user in Keycloak yet, or the address is in doubt


class ResetStep(StrEnum):
    RESERVED = "reserved"
    SET = "set"  # Keycloak holds it, the mail has not been taken yet
    DONE = "done"
    VOID = "void"


@dataclass
class PasswordReset:
    """One wish for a new temporary password.

    Attributes:
        nonce: yields the password together with the key it was drawn for; None once the mail server took the mail, or it
            is void.
        nonce_key: the name of that key.
    """

    reset_id: str
    login: str | None
    asked_at: datetime
    outcome: ResetOutcome
    step: ResetStep
    message_id: str | None = None
    expires_at: datetime | None = None
    nonce: bytes | None = field(default=None, repr=False)
    nonce_key: str | None = None

    @property
    def is_open(self) -> bool:
        return self.step in (ResetStep.RESERVED, ResetStep.SET)

    def end(self, step: ResetStep) -> None:
        """DONE or VOID: from here on nothing can yield the password."""
        self.step, self.nonce, self.nonce_key = step, None, None


def outcome_for(account: Account, earlier: list[datetime], now: datetime, rules: Rulebook) -> ResetOutcome:
    """S7: decide one wish.

    Args:
        earlier: when this login was given a mail in the last day.
    """
    last_hour = [moment for moment in earlier if moment > now - timedelta(hours=1)]
    last_day = [moment for moment in earlier if moment > now - timedelta(days=1)]
    if len(last_hour) >= rules.resets_per_hour or len(last_day) >= rules.resets_per_day:
        return ResetOutcome.LIMITED
    if account.state in (AccountState.SUSPENDED, AccountState.CLOSED) or (
        account.state is AccountState.RESIGNING and not account.may_log_in
    ):
        return ResetOutcome.REFUSED
    if not account.may_be_mailed_a_password or account.user_id is None:
        return ResetOutcome.NOT_NOW
    return ResetOutcome.ISSUED
