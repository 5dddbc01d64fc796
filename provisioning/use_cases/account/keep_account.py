"""The keeper of an account (S4 to S8): the one hand that writes to Keycloak and mails passwords.

Under one lock a login it reads what is wanted and what is so, takes the first difference, does ONE outside act with no
transaction open, locks the row again, looks whether the act was still wanted, and writes it down or sets out to undo it;
until nothing differs or something must wait. Every act may be repeated, so the process may die anywhere: the reserved
login finds the user again, the nonce yields the same password, and the Message-ID makes a repeated mail the same mail.

Accounts that wait for their user are kept together: one call makes all of them, one transaction writes them down, and their
mails go out in small groups. What is wrong with one costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

import structlog

from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState, Trouble
from provisioning.domain.actors import WORKER
from provisioning.domain.application import Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotFound, Outage
from provisioning.domain.in_keycloak import MADE_TOGETHER
from provisioning.domain.keeping import WITHIN, Act
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.keeper.acts import ACTS, OF_KEYCLOAK
from provisioning.use_cases.account.keeper.look import Look, fresh_looks

_log = structlog.get_logger()
_MOST_ACTS = 40
_MOST_BATCHES = 20  # then whoever asks next, or the sweep, goes on
_AFTER_AN_ERROR = timedelta(minutes=1)
# How many accounts have an act done before it is written down; every other act is of one. After a crash at most the mails
# of one group come twice.
_TOGETHER = {Act.MAKE_USER: MADE_TOGETHER, Act.MAIL_ACTIVATION: 10}


class Kept(StrEnum):
    """How a round of the keeper ended."""

    SETTLED = "settled"
    WAITS = "waits"
    KEYCLOAK_AWAY = "keycloak_away"
    BUSY = "busy"  # another keeper is at this account; it sees what was decided meanwhile, or the sweep does


@dataclass
class _Round:
    """The accounts that are kept together, all of their locks held.

    Attributes:
        looks: by login, in filing order.
        broken: what nobody foresaw, by login; this account is left alone for the rest of the round.
    """

    looks: dict[str, Look]
    broken: dict[str, Exception] = field(default_factory=dict)

    def next_group(self) -> tuple[Act, list[Look]] | None:
        """What can be done now: acts of one account first, then the making of users, mails last."""
        due = [look for login, look in self.looks.items() if look.next.act is not None and login not in self.broken]
        if not due:
            return None
        acts = {look.next.act for look in due}
        act = next((each for each in Act if each in acts and each not in _TOGETHER), None)
        act = act or next(each for each in _TOGETHER if each in acts)
        return act, [look for look in due if look.next.act is act][: _TOGETHER.get(act, 1)]

    def kept(self) -> dict[str, Kept]:
        return {login: Kept.WAITS if login in self.broken else _ending(look) for login, look in self.looks.items()}


def keep(services: Services, login: str, patience: float = 2) -> Kept:
    """Bring Keycloak and the mails with passwords of one account to where its row stands.

    Args:
        patience: seconds to wait for another keeper of the same account.
    """
    with services.work() as work:
        try:
            waits_for_user = work.accounts.get(login).waits_for_user
        except NotFound:
            return Kept.SETTLED
    if waits_for_user:
        return _make_waiting(services, login)
    with services.only_one(f"account:{login}", patience) as alone:
        if not alone:
            return Kept.BUSY
        round_ = _begin(services, [login])
        _carry_on(services, round_)
        if login in round_.broken:
            raise round_.broken[login]
        return round_.kept()[login]


def sweep(services: Services, limit: int = 500, threads: int = 4) -> int:
    """Keep every account where something differs and it is time to look, in filing order; return how many were looked at.

    The first one shows whether Keycloak answers: while it is away the rest is not tried one by one.
    """
    with services.only_one("sweep-accounts") as alone:
        if not alone:
            return 0
        with services.work() as work:
            logins = work.accounts.to_be_kept(services.clock.now(), limit)
        if not logins or _kept_anyhow(services, logins[0]) is Kept.KEYCLOAK_AWAY:
            return min(len(logins), 1)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda login: _kept_anyhow(services, login), logins[1:]))
        return len(logins)


def _kept_anyhow(services: Services, login: str) -> Kept:
    """One account that nobody foresaw stops no other."""
    try:
        return keep(services, login, patience=0)
    except Outage:
        raise  # the next one would meet it too
    except Exception as error:
        _look_again_later(services, {login: error})
        return Kept.WAITS


def _look_again_later(services: Services, broken: dict[str, Exception]) -> None:
    for login, error in broken.items():
        _log.error("account.not_kept", login=login, error=type(error).__name__, exc_info=error)
        with services.work() as work:
            work.accounts.look_again(login, services.clock.now() + _AFTER_AN_ERROR)


# -- users are made together ------------------------------------------------------------------------------------------


def _make_waiting(services: Services, login: str) -> Kept:
    """S4: keep this account and, with it, all that wait for their user at this moment; nobody waits for more to come.

    A few at the same time, so that under load many are made with one call. Who finds them all at work leaves it to them: they
    look again when they are done, also after they have said so.
    """
    kept: dict[str, Kept] = {}
    while services.makers.acquire(blocking=False):
        try:
            for _ in range(_MOST_BATCHES):
                made = _make_batch(services, None if login in kept else login)
                kept |= made
                if not made or Kept.KEYCLOAK_AWAY in made.values():
                    return kept.get(login, Kept.BUSY)
        finally:
            services.makers.release()
        with services.work() as work:
            if not work.accounts.to_be_made(services.clock.now(), 1):
                break
    return kept.get(login, Kept.BUSY)


def _make_batch(services: Services, asked: str | None) -> dict[str, Kept]:
    """Keep the first accounts that wait for their user and that no other keeper holds; empty when there are none."""
    with services.work() as work:
        waiting = work.accounts.to_be_made(services.clock.now(), 2 * MADE_TOGETHER)  # half of them may be held by another
    if asked is not None and asked not in waiting and len(waiting) < 2 * MADE_TOGETHER:
        waiting.append(asked)  # its next try is later, but who asks now may try now
    locks = {f"account:{login}": login for login in waiting}
    with services.these_free(list(locks), MADE_TOGETHER) as held:
        logins = [login for name, login in locks.items() if name in held]
        round_ = _begin(services, logins)
        _carry_on(services, round_)
        _look_again_later(services, round_.broken)
        return round_.kept()


# -- act by act -------------------------------------------------------------------------------------------------------


def _begin(services: Services, logins: Sequence[str]) -> _Round:
    with services.work() as work:
        if len(logins) > 1:
            work.queue.need_not_keep(logins)  # before the rows are read: what was decided until now is seen
        accounts = work.accounts.many(logins)
        for account in accounts:
            if account.keycloak_trouble is Trouble.KEYCLOAK_UNAVAILABLE:
                account.keycloak_next_at = None  # no fault of this account: who asks now may try now
        looks = fresh_looks(services, work, accounts)
    if idle := [login for login, look in looks.items() if look.next.act is None and look.account.unsettled]:
        looks |= _written_when_to_look_again(services, idle)
    return _Round(looks)


def _written_when_to_look_again(services: Services, logins: Sequence[str]) -> dict[str, Look]:
    """Accounts at which nothing can be done now; else whoever looks for work would find them again and again."""
    with services.work() as work:
        accounts = work.accounts.many(logins, for_change=True)
        return _saved(services, work, accounts)


def _saved(
    services: Services, work: Work, accounts: list[Account], applications: dict[str, Application] | None = None
) -> dict[str, Look]:
    """Save locked accounts with the time to look at them again; what is to be done next with each.

    Args:
        applications: as of `fresh_looks`.
    """
    looks = fresh_looks(services, work, accounts, applications)
    for account in accounts:
        next_ = looks[account.login].next
        account.look_at = next_.look_at if next_.act is None else None
    work.accounts.save_many(accounts)
    for account in accounts:
        copied = looks[account.login].account
        copied.look_at, copied.unsettled = account.look_at, account.unsettled
    return looks


def _ending(look: Look) -> Kept:
    if look.account.keycloak_trouble is Trouble.KEYCLOAK_UNAVAILABLE:
        return Kept.KEYCLOAK_AWAY
    return Kept.WAITS if look.account.unsettled else Kept.SETTLED


def _carry_on(services: Services, round_: _Round) -> None:
    """Act after act, until nothing can be done now.

    Raises:
        Outage.
    """
    for _ in range(_MOST_ACTS * len(round_.looks)):
        group = round_.next_group()
        if group is None:
            return
        _carry_out(services, round_, *group)


def _carry_out(services: Services, round_: _Round, act: Act, group: list[Look]) -> None:
    """Do one act outside, then write it down."""
    services.seam(f"{act}.before_call")
    outcomes = ACTS[act].do(services, group)
    services.seam(f"{act}.after_call")
    done = []
    for look, outcome in zip(group, outcomes, strict=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, DirectoryTrouble):
            round_.broken[look.account.login] = outcome
        else:
            done.append((look, outcome))
    if done:
        _write_down(services, round_, act, done)
    for error in round_.broken.values():
        if isinstance(error, Outage):
            raise error


def _write_down(services: Services, round_: _Round, act: Act, done: list[tuple[Look, object]]) -> None:
    """In one transaction; when something in it fails that nobody foresaw, each half in one of its own."""
    try:
        round_.looks |= _written_down(services, act, done)
        return
    except Outage:
        raise
    except Exception as error:
        if len(done) == 1:
            round_.broken[done[0][0].account.login] = error
            return
    half = len(done) // 2
    _write_down(services, round_, act, done[:half])
    _write_down(services, round_, act, done[half:])


def _written_down(services: Services, act: Act, done: list[tuple[Look, object]]) -> dict[str, Look]:
    with services.work() as work:
        applications = None
        if act is Act.MAKE_USER:  # applications are locked before accounts, here as everywhere
            applications = work.applications.many([look.account.reference for look, _ in done], for_change=True)
        accounts = work.accounts.many([look.account.login for look, _ in done], for_change=True)
        again = fresh_looks(services, work, accounts) if act in WITHIN else {}
        for account, (look, outcome) in zip(accounts, done, strict=True):
            if act in WITHIN and again[account.login].next.act is not act:
                continue  # decided otherwise meanwhile; nothing was done outside that would have to be written down
            if isinstance(outcome, DirectoryTrouble):
                _keycloak_waits(services, work, account, look, outcome)
                continue
            if act in OF_KEYCLOAK:
                account.keycloak_went_well()
            now = look if applications is None else replace(look, application=applications[account.reference])
            ACTS[act].note(services, work, account, now, outcome)
        following = _saved(services, work, accounts, applications)
        services.seam(f"{act}.before_commit")
    services.seam(f"{act}.after_commit")
    return following


def _keycloak_waits(services: Services, work: Work, account: Account, look: Look, trouble: DirectoryTrouble) -> None:
    now = services.clock.now()
    if trouble.kind is Trouble.NOT_IN_KEYCLOAK and account.state is AccountState.CLOSED:
        account.user_id, account.gone_in_keycloak = None, True  # nobody can log in, which is all that is wanted
        return
    if look.next.act is Act.SEE_USER and not trouble.retry:
        account.console_seen = max(account.console_seen, look.account.console_changes)  # that is what there was to see
    if account.keycloak_trouble is not trouble.kind:
        why = {"why": trouble.kind} | ({"fields": list(trouble.fields)} if trouble.fields else {})
        work.audit.write(WORKER, AuditAction.ACCOUNT_WAITS, account.reference, why, now)
    account.keycloak_waits(trouble.kind, now, retry=trouble.retry)
