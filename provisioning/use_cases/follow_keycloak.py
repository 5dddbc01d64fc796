"""Keycloak and we agree: logins are noticed, and what IT does in the console shows and changes the state where it must.

Two cursors are kept in the database. Each round reads a little before its cursor, for events become visible only when
Keycloak has committed them; an event that is known already is left alone.
"""

from __future__ import annotations

from datetime import timedelta

from provisioning.domain.account import AccountState
from provisioning.ports import AccountEvent, Actor, ConsoleEvent, LoginEvent, Office
from provisioning.use_cases.seen_in_keycloak import CONSOLE
from provisioning.use_cases.wanted import decided, void_open_reset

_OVERLAP = timedelta(seconds=20)
_FIRST_LOOK = timedelta(days=1)
KINDS = {
    "LOGIN": "login",
    "LOGIN_ERROR": "login_failed",
    "UPDATE_PASSWORD": "password_set",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "locked",
}


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
        account = work.accounts.locked(account.login)
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
            void_open_reset(work, account, asked_before=event.at)
            decided(work, account)
    return True


def _follow_console(office: Office, event: ConsoleEvent) -> bool:
    """Written down at once; what it means for the account the keeper finds out, under the account's lock (R04)."""
    with office.work() as work:
        known = work.accounts.by_user_id(event.user_id)
        if known is None or known.must_be_gone:
            return False
        account = work.accounts.locked(known.login)
        details = {"operation": event.operation, "what": event.what, "by": event.by}
        if not work.events.add(AccountEvent(event.event_id, account.login, event.at, CONSOLE, None, details)):
            return False
        account.console_changes += 1
        decided(work, account)
        actor = Actor(f"konsola Keycloak ({event.by})")
        work.audit.write(actor, "account.changed_outside", account.reference, details, event.at)
    return True
