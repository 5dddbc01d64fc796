"""States of an account with the one table of transitions, and the words for how it ends, where it stands and what it waits for."""

from __future__ import annotations

from enum import StrEnum


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
    _A.ACTIVE: frozenset({_A.AWAITING_FIRST_LOGIN, _A.SUSPENDED, _A.RESIGNING, _A.DELETED}),
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
    """Where the making of an account stands, in one word for people and programs."""

    LOGIN_RESERVED = "login_reserved"
    PASSWORD_RENEWED = "password_renewed"  # noqa: S105  # Keycloak does not hold the newest activation password yet
    USER_CREATED = "user_created"
    DONE = "done"


class Trouble(StrEnum):
    """Why an account waits; staff read it in words."""

    KEYCLOAK_UNAVAILABLE = "keycloak_unavailable"
    KEYCLOAK_REFUSED = "keycloak_refused"
    KEYCLOAK_REJECTED = "keycloak_rejected"
    LOGIN_BELONGS_TO_ANOTHER = "login_belongs_to_another"
    NOT_IN_KEYCLOAK = "not_in_keycloak"
    OUTSIDE_CUSTOMERS = "outside_customers"
    MAIL_DEFERRED = "mail_deferred"
    MAIL_SETUP = "mail_setup"  # the mail server does not take mails from us at all
    MAIL_FAILED = "mail_failed"  # it does not take this message
    MAIL_REFUSED = "mail_refused"  # it does not take this address
    MAIL_BOUNCED = "mail_bounced"
