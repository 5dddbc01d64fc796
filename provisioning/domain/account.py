"""An account in iBOK: its states and transitions (S8), and the steps from approval to the mail (S4, S5, S6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from provisioning.domain.errors import NotPossible
from provisioning.domain.rulebook import retry_pause


class AccountState(StrEnum):
    AWAITING_FIRST_LOGIN = "awaiting_first_login"  # OCZEKUJE_NA_PIERWSZE_LOGOWANIE
    ACTIVE = "active"  # AKTYWNE
    SUSPENDED = "suspended"  # ZABLOKOWANE
    RESIGNING = "resigning"  # REZYGNACJA_W_TOKU
    CLOSED = "closed"  # DOSTEP_WYLACZONY
    DELETED = "deleted"  # USUNIETE
    ANONYMISED = "anonymised"  # ZANONIMIZOWANE


_A = AccountState
# The one table of transitions; everything not in it is impossible, through every door. docs/reference/account-states.md
# is drawn from it.
STATE_TRANSITIONS: dict[AccountState, frozenset[AccountState]] = {
    _A.AWAITING_FIRST_LOGIN: frozenset({_A.ACTIVE, _A.SUSPENDED, _A.RESIGNING, _A.DELETED}),
    _A.ACTIVE: frozenset({_A.SUSPENDED, _A.RESIGNING, _A.DELETED}),
    _A.SUSPENDED: frozenset({_A.AWAITING_FIRST_LOGIN, _A.ACTIVE, _A.RESIGNING, _A.DELETED}),
    _A.RESIGNING: frozenset({_A.AWAITING_FIRST_LOGIN, _A.ACTIVE, _A.SUSPENDED, _A.CLOSED, _A.DELETED}),
    _A.CLOSED: frozenset({_A.DELETED}),
    _A.DELETED: frozenset({_A.ANONYMISED}),
    _A.ANONYMISED: frozenset(),
}
# In these states a person may log in and gets a new password when they ask for one.
WITH_ACCESS = frozenset({_A.AWAITING_FIRST_LOGIN, _A.ACTIVE})
# In these states Keycloak holds no user.
GONE = frozenset({_A.DELETED, _A.ANONYMISED})


class ClosingCause(StrEnum):
    """Why an account ends."""

    RESIGNATION = "resignation"
    TERMS_REFUSED = "terms_refused"
    END_OF_CONTRACT = "end_of_contract"
    ERASURE = "erasure"
    STAFF = "staff"
    CONSOLE = "console"


class Step(StrEnum):
    """Where the making of an account stands."""

    LOGIN_RESERVED = "login_reserved"
    PASSWORD_RENEWED = "password_renewed"  # noqa: S105  # staff sent a new activation password
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
    MAIL_BOUNCED = "mail_bounced"
    NOT_IN_KEYCLOAK = "not_in_keycloak"
    OUTSIDE_CUSTOMERS = "outside_customers"


@dataclass
class Account:
    """One account, from the reserved login on.

    Attributes:
        nonce: yields the temporary password together with the key; None once the mail server took the mail.
        attempts: failed tries at the present step.
        next_attempt_at: when the worker tries again; None when it does not.
        email, language, phone, correspondence_address: as they are now; the application keeps what was filed.
        state_before: where a resignation came from; withdrawing it leads back there.
        closes_on: the day on which access ends (RESIGNING). delete_on: the day on which the Keycloak user goes.
        anonymise_on: the day on which the retention of the evidence ends.
        keycloak_pending: a change has not been carried out in Keycloak yet.
        address_doubt_at: a mail went to a wrong address; no password is mailed until the address is confirmed.
        activation: how many activation passwords were issued; tells their mails apart.
    """

    login: str
    reference: str
    state: AccountState
    step: Step
    created_at: datetime
    email: str = ""
    language: str = "pl"
    phone: str | None = None
    correspondence_address: dict[str, Any] | None = None
    customer_numbers: list[str] = field(default_factory=list)
    nonce: bytes | None = field(default=None, repr=False)
    user_id: str | None = None
    attempts: int = 0
    trouble: Trouble | None = None
    trouble_since: datetime | None = None
    next_attempt_at: datetime | None = None
    password_expires_at: datetime | None = None
    mail_accepted_at: datetime | None = None
    activated_at: datetime | None = None
    activation: int = 1
    state_before: AccountState | None = None
    closing_cause: ClosingCause | None = None
    resigned_at: datetime | None = None
    closes_on: date | None = None
    closed_at: datetime | None = None
    delete_on: date | None = None
    deleted_at: datetime | None = None
    anonymise_on: date | None = None
    keycloak_pending: bool = False
    address_doubt_at: datetime | None = None

    @property
    def may_log_in(self) -> bool:
        """Whether Keycloak should let this person in: also while a resignation runs, until its day."""
        return self.state in WITH_ACCESS or (self.state is _A.RESIGNING and self.state_before in WITH_ACCESS)

    @property
    def must_be_gone(self) -> bool:
        return self.state in GONE

    def wait(self, trouble: Trouble, at: datetime, *, retry: bool) -> timedelta | None:
        """Write down why Keycloak or the mail keeps it waiting, and since when; returns how long until the next try."""
        self.attempts += 1
        if self.trouble is None:
            self.trouble_since = at
        self.trouble = trouble
        pause = retry_pause(self.attempts) if retry else None
        self.next_attempt_at = at + pause if pause else None
        return pause

    def address_is_wrong(self, trouble: Trouble, at: datetime) -> None:
        """A mail to this account did not arrive; a person must find the right address."""
        if self.trouble is None:
            self.trouble, self.trouble_since = trouble, at

    def address_is_mended(self) -> None:
        if self.trouble in (Trouble.MAIL_REFUSED, Trouble.MAIL_BOUNCED):
            self.calm()

    def calm(self) -> None:
        """What it waited for came about."""
        self.attempts, self.trouble, self.trouble_since, self.next_attempt_at = 0, None, None, None

    def activate(self, at: datetime) -> None:
        """S6 done: the customer has an own password.

        Raises:
            NotPossible: `wrong_state`.
        """
        if self.state is _A.RESIGNING and self.state_before is _A.AWAITING_FIRST_LOGIN:
            self.state_before, self.activated_at = _A.ACTIVE, at
            return
        if self.state is not _A.AWAITING_FIRST_LOGIN:
            raise _wrong(self.state, _A.ACTIVE)
        self._move(_A.ACTIVE)
        self.activated_at = at

    def suspend(self) -> None:
        """Close the access for a while.

        Raises:
            NotPossible: `wrong_state`; `not_ready` while the account is still being made.
        """
        if self.user_id is None:
            raise NotPossible("not_ready", "The account is still being made; suspend it when it is there.")
        if self.state not in WITH_ACCESS:
            raise _wrong(self.state, _A.SUSPENDED)
        self._move(_A.SUSPENDED)

    def resume(self) -> None:
        """End a suspension.

        Raises:
            NotPossible: `wrong_state`.
        """
        if self.state is not _A.SUSPENDED:
            raise _wrong(self.state, _A.ACTIVE)
        self._move(_A.ACTIVE if self.activated_at else _A.AWAITING_FIRST_LOGIN)

    def resign(self, at: datetime, closes_on: date, cause: ClosingCause) -> None:
        """S8: begin to end the account; possible at any moment, debts never block it.

        Raises:
            NotPossible: `wrong_state`.
        """
        before = self.state
        if before is _A.RESIGNING:
            raise NotPossible("wrong_state", "The account is being closed already.")
        self._move(_A.RESIGNING)
        self.state_before, self.resigned_at, self.closes_on, self.closing_cause = before, at, closes_on, cause

    def withdraw_resignation(self) -> None:
        """S8: back to where the account was.

        Raises:
            NotPossible: `wrong_state`, or `not_withdrawable` when the utility or the law ends the account.
        """
        if self.state is not _A.RESIGNING:
            raise NotPossible("wrong_state", "There is no resignation to withdraw.")
        if self.closing_cause not in (ClosingCause.RESIGNATION, ClosingCause.TERMS_REFUSED):
            raise NotPossible("not_withdrawable", "This account is not being closed by a resignation.")
        back = self.state_before or _A.ACTIVE
        self._move(back)
        self.state_before = None  # resuming knows by itself where a suspension came from
        self.resigned_at = self.closes_on = self.closing_cause = None

    def close(self, at: datetime, delete_on: date) -> None:
        """S8: the access ends; deletion follows on its day.

        Raises:
            NotPossible: `wrong_state`.
        """
        self._move(_A.CLOSED)
        self.closed_at, self.delete_on = at, delete_on

    def delete(self, at: datetime, anonymise_on: date, cause: ClosingCause) -> None:
        """S8: the Keycloak user goes; the login name is burnt for ever, the evidence stays until `anonymise_on`.

        Raises:
            NotPossible: `wrong_state`.
        """
        self._move(_A.DELETED)
        self.deleted_at, self.anonymise_on, self.nonce = at, anonymise_on, None
        self.closing_cause = self.closing_cause or cause

    def anonymise(self) -> None:
        """S8: nothing of the person stays with the account; the login and the dates do, for the statistics.

        Raises:
            NotPossible: `wrong_state`.
        """
        self._move(_A.ANONYMISED)
        self.email, self.phone, self.correspondence_address, self.customer_numbers = "", None, None, []

    def _move(self, to: AccountState) -> None:
        if to not in STATE_TRANSITIONS[self.state]:
            raise _wrong(self.state, to)
        self.state = to


def _wrong(now: AccountState, to: AccountState) -> NotPossible:
    return NotPossible("wrong_state", f"An account that is {now} cannot become {to}.")
