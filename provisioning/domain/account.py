"""An account in iBOK: what is wanted of it (S4 to S8), and what Keycloak and the mail server were last seen to have.

Deeds of staff and customers change what is wanted. The keeper (use_cases/account/keep_account.py) alone writes what is so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from provisioning.domain.account_states import _A, GONE, STATE_TRANSITIONS, WITH_ACCESS, AccountState, ClosingCause, Step, Trouble
from provisioning.domain.errors import NotPossible
from provisioning.domain.rulebook import retry_pause


@dataclass(frozen=True)
class Profile:
    """What Keycloak is to hold of a customer, or last accepted. Never PESEL."""

    enabled: bool
    email: str
    first_name: str
    last_name: str
    language: str
    customer_numbers: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        return {**asdict(self), "customer_numbers": list(self.customer_numbers)}

    def unlike(self, known: dict[str, Any] | None) -> dict[str, Any]:
        """What differs from a profile that was accepted before: name to wanted value; everything when none is known."""
        return {name: value for name, value in self.row().items() if known is None or known.get(name) != value}


@dataclass
class Account:
    """One account, from the reserved login on.

    Attributes of what is wanted:
        email, first_name, last_name, language, phone, correspondence_address, customer_numbers: as they are now; the
            application keeps what was filed.
        nonce: yields the activation password together with the key named by `nonce_key`. None once the mail server took
            the mail, or when no such mail is wanted any more.
        activation: how many activation passwords were issued; tells their mails apart.
        useless_wanted: how often every mailed password had to be made useless (a mail in wrong hands).
        console_changes: how often IT changed the user in Keycloak's console; each change is looked at.
        reset_open: somebody asked for a new password (S7) and it is not on its way yet.
        state_before: where a resignation came from; withdrawing it leads back there.
        closes_on: the day on which access ends (RESIGNING). delete_on: the day on which the Keycloak user goes.
        anonymise_on: the day on which the retention of the evidence ends.
        address_doubt_at: a mail went to a wrong address; no password is mailed until the address is confirmed.

    Attributes of what is so, written by the keeper alone:
        user_id: the user in Keycloak.
        in_keycloak: the profile that Keycloak last accepted; None: not known.
        gone_in_keycloak: Keycloak holds no user, and none is to be made.
        activation_in_keycloak: which activation password Keycloak holds, by number.
        useless_done, console_seen: up to which `useless_wanted`, `console_changes` it was carried out.
        temporary_in_keycloak: the wish (S7) whose password lies beside the own one. temporary_is_void: it must go.

    What waits, waits apart: trouble with Keycloak, with the mail and with the address each have their own since-when,
    tries and next try. `keycloak_blocked`: trying again is no use before somebody acts.

    Attributes of the keeper's round:
        look_at: when to look at this account again at the latest; None: now.
        unsettled: something wanted is not so yet; written with every save.
    """

    login: str
    reference: str
    state: AccountState
    created_at: datetime
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    language: str = "pl"
    phone: str | None = None
    correspondence_address: dict[str, Any] | None = None
    customer_numbers: list[str] = field(default_factory=list)
    nonce: bytes | None = field(default=None, repr=False)
    nonce_key: str | None = None
    activation: int = 1
    useless_wanted: int = 0
    console_changes: int = 0
    reset_open: bool = False
    password_expires_at: datetime | None = None
    mail_accepted_at: datetime | None = None
    activated_at: datetime | None = None
    state_before: AccountState | None = None
    closing_cause: ClosingCause | None = None
    resigned_at: datetime | None = None
    closes_on: date | None = None
    closed_at: datetime | None = None
    delete_on: date | None = None
    deleted_at: datetime | None = None
    anonymise_on: date | None = None
    address_doubt_at: datetime | None = None
    # what is so
    user_id: str | None = None
    in_keycloak: dict[str, Any] | None = None
    gone_in_keycloak: bool = False
    activation_in_keycloak: int = 0
    useless_done: int = 0
    console_seen: int = 0
    temporary_in_keycloak: str | None = None
    temporary_is_void: bool = False
    # what waits
    keycloak_trouble: Trouble | None = None
    keycloak_trouble_since: datetime | None = None
    keycloak_tries: int = 0
    keycloak_next_at: datetime | None = None
    keycloak_blocked: bool = False
    mail_trouble: Trouble | None = None
    mail_trouble_since: datetime | None = None
    mail_next_at: datetime | None = None
    address_trouble: Trouble | None = None
    address_trouble_since: datetime | None = None
    look_at: datetime | None = None
    unsettled: bool = False

    # -- what follows from the state -------------------------------------------------------------

    @property
    def may_log_in(self) -> bool:
        """Whether Keycloak should let this person in: also while a resignation runs, until its day."""
        return self.state in WITH_ACCESS or (self.state is _A.RESIGNING and self.state_before in WITH_ACCESS)

    @property
    def may_be_mailed_a_password(self) -> bool:
        """Nobody gets a password who may not log in, or whose address is in doubt."""
        return self.may_log_in and self.address_doubt_at is None

    @property
    def awaits_first_login(self) -> bool:
        """S6 is still to come; a resignation that runs does not keep the customer from it."""
        return _A.AWAITING_FIRST_LOGIN in (self.state, self.state_before if self.state is _A.RESIGNING else None)

    @property
    def has_no_password_at_all(self) -> bool:
        """The activation mail did not arrive, nothing waits to be mailed, and no trouble is left that a person would see (S5)."""
        reached = self.activated_at or self.mail_accepted_at or self.nonce or self.useless_wanted
        return self.awaits_first_login and not reached and not (self.address_trouble or self.mail_trouble)

    @property
    def must_be_gone(self) -> bool:
        return self.state in GONE

    @property
    def waits_for_user(self) -> bool:
        """S4: Keycloak holds no user yet, and one is wanted."""
        return self.user_id is None and self.nonce is not None and not self.must_be_gone and self.state is not _A.CLOSED

    @property
    def is_suspended(self) -> bool:
        return self.state is _A.SUSPENDED or (self.state is _A.RESIGNING and self.state_before is _A.SUSPENDED)

    @property
    def profile(self) -> Profile:
        """What Keycloak is to hold."""
        numbers = tuple(self.customer_numbers)
        return Profile(self.may_log_in, self.email, self.first_name, self.last_name, self.language, numbers)

    @property
    def keycloak_pending(self) -> bool:
        """A decision that Keycloak has not followed yet."""
        if self.must_be_gone:
            return not self.gone_in_keycloak
        if self.user_id is None:
            return False
        counted = self.useless_done < self.useless_wanted or self.console_seen < self.console_changes
        return counted or bool(self.profile.unlike(self.in_keycloak)) or self.temporary_is_void

    @property
    def wants_keeping(self) -> bool:
        """Whether something wanted is not so yet, by the row alone."""
        if self.must_be_gone or (self.state is _A.CLOSED and self.user_id is None):
            return not self.gone_in_keycloak
        return self.keycloak_pending or self.nonce is not None or self.reset_open

    @property
    def step(self) -> Step:
        if self.user_id is None and not self.must_be_gone:
            return Step.LOGIN_RESERVED
        if self.nonce is None:
            return Step.DONE
        return Step.USER_CREATED if self.activation_in_keycloak == self.activation else Step.PASSWORD_RENEWED

    # -- what waits ------------------------------------------------------------------------------

    @property
    def trouble(self) -> Trouble | None:
        """The first thing a person must know; the three stand apart in their own columns."""
        return self.keycloak_trouble or self.address_trouble or self.mail_trouble

    @property
    def trouble_since(self) -> datetime | None:
        if self.keycloak_trouble:
            return self.keycloak_trouble_since
        return self.address_trouble_since if self.address_trouble else self.mail_trouble_since

    @property
    def next_attempt_at(self) -> datetime | None:
        if self.keycloak_trouble:
            return self.keycloak_next_at
        return None if self.address_trouble else self.mail_next_at

    def keycloak_waits(self, trouble: Trouble, at: datetime, *, retry: bool) -> None:
        """Keycloak did not do it; `retry` says whether trying again may help."""
        if self.keycloak_trouble is None:
            self.keycloak_trouble_since = at
        self.keycloak_trouble = trouble
        self.keycloak_tries += 1
        self.keycloak_next_at = at + retry_pause(self.keycloak_tries) if retry else None
        self.keycloak_blocked = not retry

    def keycloak_went_well(self) -> None:
        self.keycloak_trouble = self.keycloak_trouble_since = self.keycloak_next_at = None
        self.keycloak_tries, self.keycloak_blocked = 0, False

    def mail_waits(self, trouble: Trouble, at: datetime, next_at: datetime | None) -> None:
        if self.mail_trouble is None:
            self.mail_trouble_since = at
        self.mail_trouble, self.mail_next_at = trouble, next_at

    def mail_went_well(self) -> None:
        self.mail_trouble = self.mail_trouble_since = self.mail_next_at = None

    def address_is_wrong(self, trouble: Trouble, at: datetime) -> None:
        """A mail to this account did not arrive; a person must find the right address."""
        if self.address_trouble is None:
            self.address_trouble_since = at
        self.address_trouble = trouble

    def address_is_mended(self) -> None:
        self.address_trouble = self.address_trouble_since = self.mail_next_at = None

    def look_now(self) -> None:
        """Something was decided: what waited for a person, or for its next try, is tried at once."""
        self.look_at = self.keycloak_next_at = None
        self.keycloak_blocked = False

    # -- passwords -------------------------------------------------------------------------------

    def want_activation_password(self, nonce: bytes, key_id: str) -> None:
        """S5: a new activation password, the next by number; every earlier one dies."""
        self.activation += 1
        self.nonce, self.nonce_key, self.mail_accepted_at = nonce, key_id, None
        self.mail_went_well()

    def forget_nonce(self) -> None:
        """From here on nothing anywhere can yield the activation password."""
        self.nonce = self.nonce_key = None
        self.mail_went_well()

    def want_mailed_passwords_useless(self) -> None:
        self.useless_wanted += 1

    def was_lost_in_keycloak(self) -> None:
        """Keycloak has no such user any more and one is to be made again: the customer waits for a first login once more."""
        self.user_id = self.in_keycloak = self.temporary_in_keycloak = None
        self.activation_in_keycloak, self.temporary_is_void = 0, False
        self.useless_done, self.console_seen = self.useless_wanted, self.console_changes
        self.activated_at = None
        if self.state is _A.ACTIVE:
            self._move(_A.AWAITING_FIRST_LOGIN)
        if self.state_before is _A.ACTIVE:
            self.state_before = _A.AWAITING_FIRST_LOGIN

    # -- the states ------------------------------------------------------------------------------

    def activate(self, at: datetime) -> None:
        """S6 done: the customer has an own password.

        Raises:
            NotPossible: `wrong_state`.
        """
        if self.state is _A.RESIGNING and self.state_before is _A.AWAITING_FIRST_LOGIN:
            self.state_before, self.activated_at = _A.ACTIVE, at
        elif self.state is _A.AWAITING_FIRST_LOGIN:
            self._move(_A.ACTIVE)
            self.activated_at = at
        else:
            raise _wrong(self.state, _A.ACTIVE)
        self.forget_nonce()

    def suspend(self) -> None:
        """Close the access for a while; a resignation that runs goes on meanwhile.

        Raises:
            NotPossible: `wrong_state`.
        """
        if not self.may_log_in:
            raise _wrong(self.state, _A.SUSPENDED)
        if self.state is _A.RESIGNING:
            self.state_before = _A.SUSPENDED
        else:
            self._move(_A.SUSPENDED)

    def resume(self) -> None:
        """End a suspension.

        Raises:
            NotPossible: `wrong_state`.
        """
        if not self.is_suspended:
            raise _wrong(self.state, _A.ACTIVE)
        before = _A.ACTIVE if self.activated_at else _A.AWAITING_FIRST_LOGIN
        if self.state is _A.RESIGNING:
            self.state_before = before
        else:
            self._move(before)

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
        self.forget_nonce()

    def delete(self, at: datetime, anonymise_on: date, cause: ClosingCause) -> None:
        """S8: the Keycloak user goes; the login name is burnt for ever, the evidence stays until `anonymise_on`.

        Raises:
            NotPossible: `wrong_state`.
        """
        self._move(_A.DELETED)
        self.deleted_at, self.anonymise_on = at, anonymise_on
        self.closing_cause = self.closing_cause or cause
        self.forget_nonce()

    def anonymise(self) -> None:
        """S8: nothing of the person stays with the account; the login and the dates do, for the statistics.

        Raises:
            NotPossible: `wrong_state`.
        """
        self._move(_A.ANONYMISED)
        self.email = self.first_name = self.last_name = ""
        self.phone, self.correspondence_address, self.customer_numbers, self.in_keycloak = None, None, [], None
        self.address_trouble = self.address_trouble_since = None

    def _move(self, to: AccountState) -> None:
        if to not in STATE_TRANSITIONS[self.state]:
            raise _wrong(self.state, to)
        self.state = to


def _wrong(now: AccountState, to: AccountState) -> NotPossible:
    return NotPossible("wrong_state", f"An account that is {now} cannot become {to}.")
