"""An account in iBOK: its states, and the steps from approval to the mail (S4, S5, S6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from provisioning.domain.errors import NotPossible


class AccountState(StrEnum):
    AWAITING_FIRST_LOGIN = "awaiting_first_login"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RESIGNING = "resigning"
    CLOSED = "closed"
    DELETED = "deleted"
    ANONYMISED = "anonymised"


STATE_TRANSITIONS: dict[AccountState, frozenset[AccountState]] = {
    AccountState.AWAITING_FIRST_LOGIN: frozenset({AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.RESIGNING}),
    AccountState.ACTIVE: frozenset({AccountState.SUSPENDED, AccountState.RESIGNING}),
    AccountState.SUSPENDED: frozenset({AccountState.ACTIVE, AccountState.RESIGNING}),
    AccountState.RESIGNING: frozenset({AccountState.ACTIVE, AccountState.CLOSED}),
    AccountState.CLOSED: frozenset({AccountState.DELETED}),
    AccountState.DELETED: frozenset({AccountState.ANONYMISED}),
    AccountState.ANONYMISED: frozenset(),
}


class Step(StrEnum):
    """Where the making of an account stands."""

    LOGIN_RESERVED = "login_reserved"
    USER_CREATED = "user_created"
    DONE = "done"


class Trouble(StrEnum):
    """Why an account waits; staff read it in words."""

    KEYCLOAK_UNAVAILABLE = "keycloak_unavailable"
    KEYCLOAK_REFUSED = "keycloak_refused"
    KEYCLOAK_REJECTED = "keycloak_rejected"
    LOGIN_BELONGS_TO_ANOTHER = "login_belongs_to_another"
    MAIL_DEFERRED = "mail_deferred"
    MAIL_REFUSED = "mail_refused"


@dataclass
class Account:
    """One account, from the reserved login on.

    Attributes:
        nonce: yields the temporary password together with the key; None once the mail server took the mail.
        attempts: failed tries at the present step.
        next_attempt_at: when the worker tries again; None when it does not.
    """

    login: str
    reference: str
    state: AccountState
    step: Step
    created_at: datetime
    nonce: bytes | None = field(default=None, repr=False)
    user_id: str | None = None
    attempts: int = 0
    trouble: Trouble | None = None
    trouble_since: datetime | None = None
    next_attempt_at: datetime | None = None
    password_expires_at: datetime | None = None
    mail_accepted_at: datetime | None = None
    activated_at: datetime | None = None

    def activate(self, at: datetime) -> None:
        """S6 done: the customer has an own password.

        Raises:
            NotPossible: `wrong_state`.
        """
        if AccountState.ACTIVE not in STATE_TRANSITIONS[self.state]:
            raise NotPossible("wrong_state", f"An account that is {self.state} cannot become active.")
        self.state, self.activated_at = AccountState.ACTIVE, at
