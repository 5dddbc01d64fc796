"""Compare every account with Keycloak: after a restore, an outage, or by doubt. Reports first, repairs when told to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provisioning.domain.account import Account
from provisioning.domain.account_states import Trouble
from provisioning.domain.actors import WORKER
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.in_keycloak import SeenInKeycloak
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.services import Services
from provisioning.use_cases.account.wanted import decided, want_activation_mail

_PAGE = 1000
_OPENS = frozenset({"disabled", "missing"})  # setting these right lets somebody in


@dataclass(frozen=True)
class Disagreement:
    """One way in which Keycloak differs from an account.

    Attributes:
        kind: missing, extra, outside_group, not_deleted, disabled, enabled, email, customer_numbers or application.
        repairable: whether `--repair` does something about it; the rest needs a person.
    """

    login: str
    kind: str
    ours: str
    theirs: str
    repairable: bool


def reconcile(services: Services, *, repair: bool = False, reopen: frozenset[str] = frozenset()) -> Iterator[Disagreement]:
    """Every disagreement, in the order of logins, those that Keycloak alone knows last.

    Args:
        repair: set right what closes nothing open and opens nothing closed. A user that is disabled or missing in Keycloak
            may have been suspended or deleted after the back-up that our table comes from: it is listed, never opened.
        reopen: logins that IT has looked at by name: their users are enabled, or made again with a new activation mail.

    Raises:
        DirectoryTrouble: Keycloak does not answer; what was repaired until then stays.
    """
    theirs = _customers(services)
    login = ""
    while True:
        with services.work() as work:
            accounts = work.accounts.after(login, _PAGE)
        for account in accounts:
            seen = theirs.pop(account.user_id or "", None)
            found = [] if account.user_id is None or account.unsettled else list(_compare(services, account, seen))
            yield from found
            kinds = {each.kind for each in found}
            if account.login in reopen and kinds & _OPENS:
                _repair(services, account.login, missing="missing" in kinds)
            elif repair and any(each.repairable for each in found) and not kinds & _OPENS:
                _repair(services, account.login, missing=False)
        if len(accounts) < _PAGE:
            break
        login = accounts[-1].login
    for seen in theirs.values():
        yield Disagreement(seen.login, "extra", "", seen.application or "", repairable=False)


def _customers(services: Services) -> dict[str, SeenInKeycloak]:
    found: dict[str, SeenInKeycloak] = {}
    while page := services.directory.customers(len(found), _PAGE):
        before = len(found)
        found |= {seen.user_id: seen for seen in page}
        if len(page) < _PAGE or len(found) == before:
            break
    return found


def _compare(services: Services, account: Account, seen: SeenInKeycloak | None) -> Iterator[Disagreement]:
    def differs(kind: str, ours: str, theirs: str, *, repairable: bool = True) -> Disagreement:
        return Disagreement(account.login, kind, ours, theirs, repairable)

    if account.must_be_gone:
        if seen is not None:
            yield differs("not_deleted", account.state, seen.user_id)
        return
    if seen is None:
        yield from _absent(services, account)
        return
    if seen.enabled != account.may_log_in:
        kind = "enabled" if seen.enabled else "disabled"
        yield differs(kind, account.state, str(seen.enabled).lower(), repairable=seen.enabled)
    if seen.email.lower() != account.email.lower():
        yield differs("email", account.email, seen.email)
    if sorted(seen.customer_numbers) != sorted(account.customer_numbers):
        yield differs("customer_numbers", ", ".join(account.customer_numbers), ", ".join(seen.customer_numbers))
    if seen.application != account.reference:
        yield differs("application", account.reference, seen.application or "", repairable=False)


def _absent(services: Services, account: Account) -> Iterator[Disagreement]:
    """Not among the members: gone, or only out of the group (which we may not mend)."""
    assert account.user_id is not None
    try:
        elsewhere = services.directory.see(account.user_id)
    except DirectoryTrouble as trouble:
        if trouble.kind != Trouble.OUTSIDE_CUSTOMERS:
            raise
        yield Disagreement(account.login, "outside_group", account.state, "", repairable=False)
        return
    if elsewhere is None:
        yield Disagreement(account.login, "missing", account.state, "", repairable=False)


def _repair(services: Services, login: str, *, missing: bool) -> None:
    with services.work() as work:
        account = work.accounts.locked(login)
        if missing:  # Keycloak lost the user: the same login, with a new activation mail
            account.was_lost_in_keycloak()
            want_activation_mail(services, work, account)
        elif account.must_be_gone:
            account.gone_in_keycloak = False
        else:
            account.in_keycloak = None  # whatever it holds now, all of it is set again
        decided(work, account)
        work.audit.write(WORKER, AuditAction.ACCOUNT_REPAIRED, account.reference, {"missing": missing}, services.clock.now())
