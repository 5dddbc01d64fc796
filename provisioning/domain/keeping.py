"""What the keeper of an account does next: the first difference between what is wanted and what is so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.mail import Mail
from provisioning.domain.password_reset import PasswordReset, ResetStep

LOOK_ANYWAY = timedelta(hours=1)  # what waits for a person is looked at again by itself now and then


class Act(StrEnum):
    """One outside act, or one thing to write down. Each is idempotent."""

    SEEK_USER = "seek_user"
    DELETE_USER = "delete_user"
    SEE_USER = "see_user"
    MAKE_MAILED_USELESS = "make_mailed_useless"
    MAKE_USER = "make_user"
    CHANGE_USER = "change_user"
    SET_ACTIVATION_PASSWORD = "set_activation_password"  # noqa: S105  # a word for a deed
    VOID_TEMPORARY_PASSWORD = "void_temporary_password"  # noqa: S105
    SET_TEMPORARY_PASSWORD = "set_temporary_password"  # noqa: S105
    RENEW_ACTIVATION = "renew_activation"
    RENEW_RESET = "renew_reset"
    GIVE_UP_RESET = "give_up_reset"
    MAIL_ACTIVATION = "mail_activation"
    MAIL_RESET = "mail_reset"


# These only write rows.
WITHIN = frozenset({Act.RENEW_ACTIVATION, Act.RENEW_RESET, Act.GIVE_UP_RESET})


@dataclass(frozen=True)
class Next:
    """The next act; without one, when to look again (None: nothing differs)."""

    act: Act | None
    look_at: datetime | None = None


def what_next(
    account: Account, mail: Mail | None, reset: PasswordReset | None, now: datetime, knows_key: Callable[[str | None], bool]
) -> Next:
    """
    Args:
        mail: the newest activation mail (S5).
        reset: the open wish for a new password (S7).
        knows_key: whether a password that was drawn for this key can be derived here.
    """
    if reset is not None and (reset.expires_at is None or reset.expires_at <= now):
        return Next(Act.GIVE_UP_RESET)
    if reset is not None and not knows_key(reset.nonce_key):
        return Next(Act.RENEW_RESET)
    if account.nonce is not None and (not knows_key(account.nonce_key) or not _deliverable(account, mail, now)):
        return Next(Act.RENEW_ACTIVATION)
    in_keycloak = _in_keycloak(account, reset)
    blocked = account.keycloak_blocked and in_keycloak is not Act.SEE_USER  # what IT did may be what ends the block
    if in_keycloak is not None and not _gated(blocked, account.keycloak_next_at, now):
        return Next(in_keycloak)
    by_mail = None if account.keycloak_blocked else _by_mail(account, reset)
    if by_mail is not None and not _gated(False, account.mail_next_at, now):
        return Next(by_mail)
    times = [account.keycloak_next_at if in_keycloak else None, account.mail_next_at if by_mail else None]
    times += [reset.expires_at if reset else None, now + LOOK_ANYWAY if account.wants_keeping else None]
    return Next(None, min((moment for moment in times if moment is not None), default=None))


def _in_keycloak(account: Account, reset: PasswordReset | None) -> Act | None:
    """What Keycloak lacks, the most urgent first."""
    if account.must_be_gone or account.state is AccountState.CLOSED:
        if account.gone_in_keycloak:
            return None
        if account.user_id is None:  # perhaps one was made and the answer lost
            return Act.SEEK_USER
        if account.must_be_gone:
            return Act.DELETE_USER
    if account.user_id is None:
        return Act.MAKE_USER if account.nonce is not None else None
    if account.console_seen < account.console_changes:
        return Act.SEE_USER
    if account.useless_done < account.useless_wanted:
        return Act.MAKE_MAILED_USELESS
    if account.profile.unlike(account.in_keycloak):
        return Act.CHANGE_USER
    replaced = account.may_be_mailed_a_password and reset is not None and reset.step is ResetStep.RESERVED
    if account.temporary_is_void and not replaced:  # a newer one takes its place by itself
        return Act.VOID_TEMPORARY_PASSWORD
    if not account.may_be_mailed_a_password:
        return None
    if account.nonce is not None and account.activation_in_keycloak != account.activation:
        return Act.SET_ACTIVATION_PASSWORD
    if reset is not None and reset.step is ResetStep.RESERVED:
        return Act.SET_TEMPORARY_PASSWORD
    return None


def _by_mail(account: Account, reset: PasswordReset | None) -> Act | None:
    """Which password is ready to go out."""
    if not account.may_be_mailed_a_password or account.user_id is None:
        return None
    if account.nonce is not None and account.activation_in_keycloak == account.activation:
        return Act.MAIL_ACTIVATION
    if reset is not None and reset.step is ResetStep.SET:
        return Act.MAIL_RESET
    return None


def _deliverable(account: Account, mail: Mail | None, now: datetime) -> bool:
    """Whether the mail of this activation can still go, with a password that will work when it is read."""
    if mail is None or not mail.waits:
        return False
    in_place = account.activation_in_keycloak == account.activation
    return not (in_place and account.password_expires_at is not None and account.password_expires_at <= now)


def _gated(blocked: bool, next_at: datetime | None, now: datetime) -> bool:
    return blocked or (next_at is not None and next_at > now)
