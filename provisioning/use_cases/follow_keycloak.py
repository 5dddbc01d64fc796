"""Keycloak and we agree: logins are noticed, and what IT does in the console shows and changes the state where it must.

Two cursors are kept in the database. Each round reads a little before its cursor, for events become visible only when
Keycloak has committed them; an event that is known already is left alone.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from provisioning.domain.account import Account, AccountState, ClosingCause, Trouble
from provisioning.domain.email_change import EmailChange
from provisioning.ports import (
    AccountEvent,
    Actor,
    ConsoleEvent,
    DirectoryTrouble,
    LoginEvent,
    MailKind,
    Office,
    SeenInKeycloak,
    Work,
)
from provisioning.use_cases.carry_out import decided
from provisioning.use_cases.mail_out import queue_account_mail
from provisioning.use_cases.request_new_password import void_open_resets
from provisioning.use_cases.resign import delete_now

_OVERLAP = timedelta(seconds=20)
_FIRST_LOOK = timedelta(days=1)
KINDS = {
    "LOGIN": "login",
    "LOGIN_ERROR": "login_failed",
    "UPDATE_PASSWORD": "password_set",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "locked",
}
CONSOLE = "console"


def follow_keycloak(office: Office) -> int:
    """Read what happened since the last round; return how many events were new.

    Raises:
        DirectoryTrouble: Keycloak does not answer; the cursors stay, and nothing is lost.
    """
    with office.only_one("follow-keycloak") as alone:
        if not alone:
            return 0
        return _round(office, "logins") + _round(office, "console")


def _round(office: Office, name: str) -> int:
    began = office.clock.now()
    with office.work() as work:
        since = (work.events.cursor(name) or began - _FIRST_LOOK) - _OVERLAP
    new = 0
    if name == "logins":
        for login_event in office.directory.login_events(since):
            new += _note_login(office, login_event)
    else:
        for console_event in office.directory.console_events(since):
            new += _follow_console(office, console_event)
    with office.work() as work:
        work.events.move_cursor(name, began)
    return new


def _note_login(office: Office, event: LoginEvent) -> bool:
    kind = KINDS.get(event.kind)
    if kind is None:
        return False
    with office.work() as work:
        account = work.accounts.by_user_id(event.user_id)
        if account is None or account.state is AccountState.ANONYMISED:
            return False
        details = {"error": event.error, "password": event.password}
        known = AccountEvent(
            event.event_id,
            account.login,
            event.at,
            kind,
            event.address,
            {key: value for key, value in details.items() if value},
        )
        if not work.events.add(known):
            return False
        if kind == "password_set":  # whatever was still on its way has no use any more
            void_open_resets(work, account, asked_before=event.at)
    return True


def _follow_console(office: Office, event: ConsoleEvent) -> bool:
    with office.work() as work:
        account = work.accounts.by_user_id(event.user_id)
    if account is None or account.must_be_gone:
        return False
    seen, trouble = _look(office, event.user_id)
    actor = Actor(f"konsola Keycloak ({event.by})")
    with office.work() as work:
        account = work.accounts.locked(account.login)
        details = {"operation": event.operation, "what": event.what, "by": event.by}
        if not work.events.add(AccountEvent(event.event_id, account.login, event.at, CONSOLE, None, details)):
            return False
        work.audit.write(actor, "account.changed_outside", account.reference, details, event.at)
        if not account.keycloak_pending:  # else what is on its way decides
            _follow(office, work, account, seen, trouble, actor)
    return True


def _look(office: Office, user_id: str) -> tuple[SeenInKeycloak | None, Trouble | None]:
    try:
        return office.directory.see(user_id), None
    except DirectoryTrouble as trouble:
        if trouble.kind == Trouble.OUTSIDE_CUSTOMERS:
            return None, Trouble.OUTSIDE_CUSTOMERS
        raise


def _follow(
    office: Office, work: Work, account: Account, seen: SeenInKeycloak | None, trouble: Trouble | None, actor: Actor
) -> None:
    """R04: the state follows what IT did, except that a click in the console does not lift a registrar's suspension."""
    now = office.clock.now()
    if trouble is not None:
        account.trouble, account.trouble_since = trouble, account.trouble_since or now
        work.accounts.save(account)
        return
    if account.trouble is Trouble.OUTSIDE_CUSTOMERS:
        account.trouble = account.trouble_since = None
        work.accounts.save(account)
    if seen is None:
        delete_now(office, work, account, ClosingCause.CONSOLE, actor)
        return
    if not seen.enabled and account.state in (AccountState.ACTIVE, AccountState.AWAITING_FIRST_LOGIN):
        account.suspend()
        void_open_resets(work, account)
        decided(work, account)  # Keycloak ends no session when it disables a user
        work.audit.write(actor, "account.suspended_outside", account.reference, {}, now)
    elif seen.enabled and not account.may_log_in:
        if account.state is AccountState.SUSPENDED and _suspended_outside(work, account):
            account.resume()
            work.audit.write(actor, "account.resumed_outside", account.reference, {}, now)
        decided(work, account)
    if seen.email and seen.email != account.email:
        _take_address(office, work, account, seen.email, now)
        work.audit.write(actor, "account.address_changed_outside", account.reference, {}, now, private={"to": seen.email})


def _suspended_outside(work: Work, account: Account) -> bool:
    names = ("account.suspended", "account.suspended_outside")
    found = [line.action for line in work.audit.of(account.reference) if line.action in names]
    return bool(found) and found[-1] == "account.suspended_outside"


def _take_address(office: Office, work: Work, account: Account, address: str, now: datetime) -> None:
    """The old address is told and may undo, as when the customer changes it."""
    change = EmailChange(
        change_id=uuid.uuid4().hex,
        login=account.login,
        old_email=account.email,
        new_email=address,
        asked_at=now,
        undo_nonce=secrets.token_bytes(32),
        confirmed_at=now,
    )
    work.email_changes.add(change)
    account.email = address
    work.accounts.save(account)
    about = {"change": change.change_id}
    queue_account_mail(office, work, MailKind.EMAIL_CHANGED, account, change.change_id, about, to=change.old_email)
