"""S6 done: the account becomes active after the first change of password.

Keycloak's events say where to look; the user record decides, for events can be lost or switched off.
"""

from __future__ import annotations

import time

from provisioning.domain.account import Account
from provisioning.domain.actors import WORKER
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotPossible
from provisioning.domain.mail import MailKind
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.services import Services
from provisioning.use_cases.account.wanted import void_activation_mail
from provisioning.use_cases.messages.mail_out import void_waiting_mails
from provisioning.use_cases.one_by_one import one_by_one


def confirm_first_logins(services: Services, *, everyone: bool, limit: int = 200) -> int:
    """Look after accounts that wait for their first login; return how many became active.

    Args:
        everyone: False looks only at users with a recent password event (cheap, often); True also at the others,
            longest unseen first.

    Raises:
        LeftBehind: some could not be looked after; all the others were.
    """
    try:
        recent = services.directory.recent_password_changes()
    except DirectoryTrouble:
        recent = []
        if not everyone:
            return 0
    with services.work() as work:
        waiting = work.accounts.awaiting_first_login(limit, None if everyone else recent)
    accounts = {account.login: account for account in waiting}
    return one_by_one("account", accounts, lambda login: confirm_first_login(services, accounts[login]))


def confirmed_soon(services: Services, account: Account, patience: float = 2.0) -> Account:
    """Have the worker look at an account now and wait a moment for the outcome.

    The web process may not ask Keycloak itself; a customer who just set a password should still read "active".
    """
    if not account.awaits_first_login:
        return account
    with services.work() as work:
        work.queue.confirm_first_login(account.reference)
    deadline = time.monotonic() + patience
    while account.awaits_first_login and time.monotonic() < deadline:
        time.sleep(0.1)
        with services.work() as work:
            account = work.accounts.get(account.login)
    return account


def confirm_first_login(services: Services, account: Account) -> bool:
    """Ask Keycloak about one account; True when it became active now."""
    if account.user_id is None or not account.awaits_first_login:
        return False
    try:
        if services.directory.must_change_password(account.user_id):
            return False
    except DirectoryTrouble:
        return False  # seen again in the next round
    with services.work() as work:
        current = work.accounts.by_reference(account.reference, for_change=True)
        assert current is not None  # accounts are never deleted
        if current.user_id != account.user_id:
            return False  # made again meanwhile
        void_activation_mail(services, work, current)
        void_waiting_mails(work, current.reference, MailKind.ACTIVATION_REMINDER)
        try:
            current.activate(services.clock.now())
        except NotPossible:
            return False  # another worker was quicker
        work.accounts.save(current)
        work.audit.write(WORKER, AuditAction.ACCOUNT_ACTIVE, account.reference, {"login": account.login}, services.clock.now())
    return True
