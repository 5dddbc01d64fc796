"""Keycloak and we agree: logins are noticed, and what IT does in the console shows and changes the state where it must.

Two cursors are kept in the database: the time of the newest event that was read, whoever caused it, by Keycloak's clock and never
by ours. Each round reads a little before its cursor, for events become visible only when Keycloak has committed them; an event
that is known already is left alone.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from provisioning.domain.account import Account
from provisioning.domain.account_records import AccountEvent
from provisioning.domain.account_states import AccountState
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import Outage
from provisioning.domain.in_keycloak import ConsoleEvent, EventsRead, LoginEvent
from provisioning.domain.mail import MailKind
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.seen_in_keycloak import CONSOLE
from provisioning.use_cases.account.wanted import decided, void_open_reset
from provisioning.use_cases.messages.mail_out import queue_account_mail
from provisioning.use_cases.messages.unasked_mails import keep_within_budget
from provisioning.use_cases.one_by_one import LeftBehind

_OVERLAP = timedelta(seconds=20)
_FIRST_LOOK = timedelta(days=90)  # all that Keycloak keeps, `eventsExpiration` of the realm
_PATIENCE = timedelta(hours=1)
_log = structlog.get_logger()
KINDS = {
    "LOGIN": "login",
    "LOGIN_ERROR": "login_failed",
    "UPDATE_PASSWORD": "password_set",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "locked",
}
_TOLD = {"password_set": MailKind.OWN_PASSWORD_SET, "locked": MailKind.LOGIN_PAUSED}
_WRONG_TRIES_ARE_KNOWN = timedelta(hours=12)  # `maxDeltaTimeSeconds` of the realm


def follow_keycloak(services: Services) -> int:
    """Read what happened since the last round; return how many events were new.

    Raises:
        DirectoryTrouble: Keycloak does not answer; the cursors stay, and nothing is lost.
        LeftBehind: some events could not be followed; they are tried again until an hour's events have come after them.
    """
    with services.only_one("follow-keycloak") as alone:
        if not alone:
            return 0
        try:
            new = _round(services, "logins")
        except LeftBehind:
            _round(services, "console")
            raise
        return new + _round(services, "console")


def _round(services: Services, name: str) -> int:
    cursor = f"keycloak:{name}"
    with services.work() as work:
        reached = work.events.cursor(cursor)
    since = reached - _OVERLAP if reached else services.clock.now() - _FIRST_LOOK
    read: EventsRead[LoginEvent] | EventsRead[ConsoleEvent]
    read = services.directory.login_events(since) if name == "logins" else services.directory.console_events(since)
    newest = read.newest
    if newest is None:
        return 0
    with services.work() as work:
        known = work.events.known([each.event_id for each in read.events])
    new, behind = 0, []
    for event in read.events:
        if event.event_id not in known:
            try:
                new += _note_login(services, event) if isinstance(event, LoginEvent) else _follow_console(services, event)
            except Exception as error:
                if isinstance(error, Outage) or (isinstance(error, DirectoryTrouble) and error.retry):
                    raise
                _log.exception("keycloak.event_left_behind", event_id=event.event_id, user_id=event.user_id)
                behind.append(event.at)
    again = [at for at in behind if newest - at < _PATIENCE]  # the cursor waits for these, but not for ever
    reaches = min([newest, *again])
    if reaches != reached:
        with services.work() as work:
            work.events.move_cursor(cursor, reaches)
    if behind:
        raise LeftBehind(len(behind))
    return new


def _note_login(services: Services, event: LoginEvent) -> bool:
    kind = KINDS.get(event.kind)
    if kind is None:
        return False
    with services.work() as work:
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
        if kind == "password_set" and void_open_reset(work, account, asked_before=event.at):  # it has no use any more
            decided(work, account)
        if account.may_log_in and kind in _TOLD:
            _tell_the_owner(services, work, account, _TOLD[kind], event)
    return True


def _tell_the_owner(services: Services, work: Work, account: Account, kind: MailKind, event: LoginEvent) -> None:
    """S6: each new own password. Of a pause one mail is enough until Keycloak forgets the wrong tries, and as anybody who knows
    a login can cause it, it counts as unasked (F13)."""
    if kind is MailKind.LOGIN_PAUSED:
        earlier = (mail.created_at for mail in work.mails.of(account.reference) if mail.kind is kind)
        if any(services.clock.now() - at < _WRONG_TRIES_ARE_KNOWN for at in earlier):
            return
    mail = queue_account_mail(services, work, kind, account, event.event_id, {"at": event.at.isoformat()})
    if kind is MailKind.LOGIN_PAUSED:
        keep_within_budget(services, work, mail)


def _follow_console(services: Services, event: ConsoleEvent) -> bool:
    """Written down at once; what it means for the account the keeper finds out, under the account's lock (R04)."""
    with services.work() as work:
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
        work.audit.write(actor, AuditAction.ACCOUNT_CHANGED_OUTSIDE, account.reference, details, event.at)
    return True
