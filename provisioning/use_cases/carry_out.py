"""What was decided about an account is carried out in Keycloak, by the worker, as often as it takes.

The account's row is the decision; `keycloak_pending` says that Keycloak has not followed yet. Carrying it out brings
Keycloak to where the account stands now, so a repeat changes nothing and the newest decision wins.
"""

from __future__ import annotations

from datetime import timedelta

from provisioning.domain.account import Account, Trouble
from provisioning.domain.errors import NotFound
from provisioning.ports import WORKER, DirectoryTrouble, Office, Work


def decided(work: Work, account: Account) -> None:
    """Save a changed account and have Keycloak follow, in the caller's transaction."""
    account.keycloak_pending = account.user_id is not None
    work.accounts.save(account)
    if account.keycloak_pending:
        work.queue.carry_out(account.login)


def carry_out(office: Office, login: str) -> timedelta | None:
    """Bring Keycloak to where the account stands.

    Returns:
        None when the matter is closed, or how long to wait before the next try.
    """
    with office.only_one(f"passwords:{login}", patience=2) as alone:
        if not alone:
            return timedelta(seconds=2)
        with office.work() as work:
            try:
                account = work.accounts.get(login)
            except NotFound:
                return None
        if not account.keycloak_pending or account.user_id is None:
            return None
        trouble = _in_keycloak(office, account)
        with office.work() as work:
            current = work.accounts.locked(login)
            return _outcome(office, work, current, account, trouble)


def _in_keycloak(office: Office, account: Account) -> DirectoryTrouble | None:
    assert account.user_id is not None
    office.seam("carry_out.before_call")
    try:
        if account.must_be_gone:
            office.directory.delete(account.user_id)
        else:
            office.directory.bring_in_line(account)
    except DirectoryTrouble as trouble:
        return trouble
    office.seam("carry_out.after_call")
    return None


def _outcome(
    office: Office, work: Work, current: Account, carried_out: Account, trouble: DirectoryTrouble | None
) -> timedelta | None:
    if trouble is None:
        if _wanted(current) != _wanted(carried_out):
            return timedelta(0)  # decided anew meanwhile
        current.keycloak_pending = False
        current.calm()
        work.accounts.save(current)
        return None
    now = office.clock.now()
    if current.trouble != trouble.kind:
        work.audit.write(WORKER, "account.waits", current.reference, {"why": trouble.kind}, now)
    pause = current.wait(Trouble(trouble.kind), now, retry=trouble.retry)
    current.keycloak_pending = trouble.retry
    work.accounts.save(current)
    return pause


def _wanted(account: Account) -> tuple[object, ...]:
    return account.state, account.state_before, account.email, account.language, account.customer_numbers
