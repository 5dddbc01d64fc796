"""Keycloak and we agree: logins are noticed, and what IT does in the console shows and changes the state where it must.

Two cursors are kept in the database: the time of the newest event seen, by Keycloak's clock and never by ours. Each round reads
a little before its cursor, for events become visible only when Keycloak has committed them; an event that is known already is
left alone.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

import structlog

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
    Outage,
    SeenInKeycloak,
    Work,
)
from provisioning.use_cases.carry_out import decided
from provisioning.use_cases.mail_out import queue_account_mail
from provisioning.use_cases.one_by_one import LeftBehind
from provisioning.use_cases.request_new_password import void_open_resets
from provisioning.use_cases.resign import delete_now

_OVERLAP = timedelta(seconds=20)
_FIRST_LOOK = timedelta(days=1)
_PATIENCE = timedelta(hours=1)
_log = structlog.get_logger()
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
        LeftBehind: some events could not be followed; they are tried again until an hour's events have come after them.
    """
    with office.only_one("follow-keycloak") as alone:
        if not alone:
            return 0
        try:
            new = _round(office, "logins")
        except LeftBehind:
            _round(office, "console")
            raise
        return new + _round(office, "console")


def _round(office: Office, name: str) -> int:
    cursor = f"keycloak:{name}"
    with office.work() as work:
        reached = work.events.cursor(cursor)
    since = reached - _OVERLAP if reached else office.clock.now() - _FIRST_LOOK
    events: list[LoginEvent] | list[ConsoleEvent]
    events = office.directory.login_events(since) if name == "logins" else office.directory.console_events(since)
    if not events:
        return 0
    with office.work() as work:
        known = work.events.known([each.event_id for each in events])
    new, behind, newest = 0, [], max(each.at for each in events)
    for event in events:
        if event.event_id not in known:
            try:
                new += _note_login(office, event) if isinstance(event, LoginEvent) else _follow_console(office, event)
            except Exception as error:
                if isinstance(error, Outage) or (isinstance(error, DirectoryTrouble) and error.retry):
                    raise
                _log.exception("keycloak.event_left_behind", event_id=event.event_id, user_id=event.user_id)
                behind.append(event.at)
    again = [at for at in behind if newest - at < _PATIENCE]  # the cursor waits for these, but not for ever
    with office.work() as work:
        work.events.move_cursor(cursor, min([newest, *again]))
    if behind:
        raise LeftBehind(len(behind))
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
