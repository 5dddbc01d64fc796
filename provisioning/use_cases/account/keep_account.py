"""The keeper of an account (S4 to S8): the one hand that writes to Keycloak and mails passwords.

Under one lock a login it reads what is wanted and what is so, takes the first difference, does ONE outside act with no
transaction open, locks the row again, looks whether the act was still wanted, and writes it down or sets out to undo it;
until nothing differs or something must wait. Every act may be repeated, so the process may die anywhere: the reserved
login finds the user again, the nonce yields the same password, and the Message-ID makes a repeated mail the same mail.

Accounts that wait for their user are kept together: one call makes all of them, one transaction writes them down, and their
mails go out in small groups. What is wrong with one costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

import structlog

from ibok_idp.temporary_password import new_nonce
from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState, Trouble
from provisioning.domain.actors import CUSTOMER, WORKER
from provisioning.domain.application import Application, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotFound, NotPossible, Outage
from provisioning.domain.in_keycloak import MADE_TOGETHER, Created, SeenInKeycloak, WantedUser
from provisioning.domain.keeping import WITHIN, Act, Next, what_next
from provisioning.domain.mail import Mail, MailState
from provisioning.domain.password_reset import PasswordReset, ResetStep
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.seen_in_keycloak import take_over
from provisioning.use_cases.account.wanted import activation_mail_id, void_activation_mail, void_open_reset, want_activation_mail
from provisioning.use_cases.messages.mail_out import audit_mail

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
class _Look:
    """One fresh look at an account, and what it says to do.

    Attributes:
        account, mail, reset: copies as they were read; the rows may have changed when the act is done.
    """

    account: Account
    application: Application
    mail: Mail | None
    reset: PasswordReset | None
    next: Next


@dataclass
class _Round:
    """The accounts that are kept together, all of their locks held.

    Attributes:
        looks: by login, in filing order.
        broken: what nobody foresaw, by login; this account is left alone for the rest of the round.
    """

    looks: dict[str, _Look]
    broken: dict[str, Exception] = field(default_factory=dict)

    def next_group(self) -> tuple[Act, list[_Look]] | None:
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
        return _Round(_looks(services, work, accounts))


def _looks(
    services: Services, work: Work, accounts: Sequence[Account], applications: dict[str, Application] | None = None
) -> dict[str, _Look]:
    mail_ids = {account.login: activation_mail_id(services, account) for account in accounts if account.nonce is not None}
    mails = work.mails.many(list(mail_ids.values())) if mail_ids else {}
    if applications is None:
        applications = work.applications.many([account.reference for account in accounts])
    looks = {}
    for account in accounts:
        mail = mails.get(mail_ids.get(account.login, ""))
        reset = work.resets.open_of(account.login) if account.reset_open else None
        following = what_next(account, mail, reset, services.clock.now(), services.keys.knows)
        looks[account.login] = _Look(copy(account), applications[account.reference], mail, reset, following)
    return looks


def _ending(look: _Look) -> Kept:
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


def _carry_out(services: Services, round_: _Round, act: Act, group: list[_Look]) -> None:
    """Do one act outside, then write it down."""
    outcomes: list[object] = [None] * len(group)
    if act not in WITHIN:
        services.seam(f"{act}.before_call")
        outcomes = _ACTS[act].do(services, group)
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


def _write_down(services: Services, round_: _Round, act: Act, done: list[tuple[_Look, object]]) -> None:
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


def _written_down(services: Services, act: Act, done: list[tuple[_Look, object]]) -> dict[str, _Look]:
    with services.work() as work:
        applications = None
        if act is Act.MAKE_USER:  # applications are locked before accounts, here as everywhere
            applications = work.applications.many([look.account.reference for look, _ in done], for_change=True)
        accounts = work.accounts.many([look.account.login for look, _ in done], for_change=True)
        for account, (look, outcome) in zip(accounts, done, strict=True):
            if isinstance(outcome, DirectoryTrouble):
                _keycloak_waits(services, work, account, look, outcome)
                continue
            if act in _OF_KEYCLOAK:
                account.keycloak_went_well()
            now = look if applications is None else replace(look, application=applications[account.reference])
            _ACTS[act].note(services, work, account, now, outcome)
        following = _looks(services, work, accounts, applications)
        for account in accounts:
            next_ = following[account.login].next
            account.look_at = next_.look_at if next_.act is None else None
        work.accounts.save_many(accounts)
        for account in accounts:
            copied = following[account.login].account
            copied.look_at, copied.unsettled = account.look_at, account.unsettled
        services.seam(f"{act}.before_commit")
    services.seam(f"{act}.after_commit")
    return following


def _keycloak_waits(services: Services, work: Work, account: Account, look: _Look, trouble: DirectoryTrouble) -> None:
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


def activation_password(services: Services, account: Account) -> str:
    """S5: derived from the nonce in the row; the same one as long as the nonce is there."""
    assert account.nonce is not None  # wiped only in the step that ends the activation
    return services.keys.derive(account.nonce, f"activation:{account.login}", account.nonce_key)


def reset_password(services: Services, reset: PasswordReset) -> str:
    """S7: derived from the nonce in the row of the wish, in the same way."""
    assert reset.nonce is not None  # wiped only in the step that ends the wish
    return services.keys.derive(reset.nonce, f"reset:{reset.login}:{reset.reset_id}", reset.nonce_key)


# -- the acts: `do` is the outside call, `note` writes down what came of it on the freshly locked row -----------------


def _seek(services: Services, look: _Look) -> str | None:
    return services.directory.find(look.account.reference, look.account.login)


def _sought(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    account.user_id = str(outcome) if outcome else None
    account.gone_in_keycloak = outcome is None


def _delete(services: Services, look: _Look) -> None:
    services.directory.delete(_user_id(look))


def _deleted(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    account.gone_in_keycloak = True
    account.temporary_is_void = False


def _see(services: Services, look: _Look) -> SeenInKeycloak | None:
    return services.directory.see(_user_id(look))


def _saw(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    """R04: what IT did in the console. Whatever is being decided here meanwhile, no act of ours is under way."""
    account.console_seen = max(account.console_seen, look.account.console_changes)
    if not account.must_be_gone:
        assert outcome is None or isinstance(outcome, SeenInKeycloak)
        take_over(services, work, account, outcome)


def _make_useless(services: Services, look: _Look) -> None:
    services.directory.make_mailed_useless(_user_id(look), own_password=look.account.activated_at is not None)


def _made_useless(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    account.useless_done = max(account.useless_done, look.account.useless_wanted)
    account.temporary_in_keycloak, account.temporary_is_void = None, False
    if look.account.activated_at is None:
        account.activation_in_keycloak = 0


def _make(services: Services, looks: Sequence[_Look]) -> list[object]:
    """S4: a user that an earlier try made is found, another owner is an alarm, never an overwrite.

    When the call fails in a way that nobody foresaw, each half is tried by itself.
    """
    try:
        wanted = [
            WantedUser(
                each.account.reference, each.account.login, each.account.profile, activation_password(services, each.account)
            )
            for each in looks
        ]
        return list(services.directory.create_many(wanted))
    except DirectoryTrouble as trouble:
        return [trouble] * len(looks)
    except Exception as error:
        if len(looks) == 1:
            return [error]
    half = len(looks) // 2
    return _make(services, looks[:half]) + _make(services, looks[half:])


def _made(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    """`look.application` is the application as it is now, locked."""
    assert isinstance(outcome, Created)
    now = services.clock.now()
    account.user_id = outcome.user_id
    if outcome.made:
        account.useless_done = account.useless_wanted  # a fresh user holds nothing that was mailed before
        account.in_keycloak, account.activation_in_keycloak = look.account.profile.row(), look.account.activation
    account.password_expires_at = now + services.rules.activation_password_life
    if look.application.status is Status.APPROVED:
        look.application.move(Status.REGISTERED)
        work.applications.save(look.application)
    work.audit.write(WORKER, AuditAction.ACCOUNT_CREATED, account.reference, {"login": account.login}, now)


def _change(services: Services, look: _Look) -> None:
    services.directory.change(_user_id(look), look.account.profile.unlike(look.account.in_keycloak))


def _changed(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    account.in_keycloak = look.account.profile.row()
    if not look.account.may_log_in:
        account.temporary_in_keycloak, account.temporary_is_void = None, False


def _set_activation(services: Services, look: _Look) -> bool:
    return services.directory.set_activation_password(_user_id(look), activation_password(services, look.account))


def _activation_set(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    now = services.clock.now()
    if not outcome:  # S6: the customer was quicker and has an own password
        void_activation_mail(services, work, account)
        try:
            account.activate(now)
        except NotPossible:  # closed meanwhile
            return
        work.audit.write(WORKER, AuditAction.ACCOUNT_ACTIVE, account.reference, {"login": account.login}, now)
        return
    account.activation_in_keycloak = look.account.activation
    account.password_expires_at = now + services.rules.activation_password_life


def _void_temporary(services: Services, look: _Look) -> None:
    services.directory.void_temporary_password(_user_id(look))


def _temporary_voided(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    if account.temporary_in_keycloak == look.account.temporary_in_keycloak:
        account.temporary_in_keycloak, account.temporary_is_void = None, False


def _set_temporary(services: Services, look: _Look) -> None:
    """S7: beside the own password, which goes on working."""
    assert look.reset is not None and look.reset.expires_at is not None
    services.directory.set_temporary_password(_user_id(look), reset_password(services, look.reset), look.reset.expires_at)


def _temporary_set(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    assert look.reset is not None
    current = work.resets.get(look.reset.reset_id)
    account.temporary_in_keycloak = look.reset.reset_id
    account.temporary_is_void = current is None or not current.is_open
    if current is not None and current.is_open:
        current.step = ResetStep.SET
        work.resets.save(current)


def _renew_activation(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    """The password that waits would be dead when it is read (its life is over, or its key is gone): a new one, never that."""
    want_activation_mail(services, work, account)
    work.audit.write(
        WORKER, AuditAction.ACCOUNT_PASSWORD_RENEWED, account.reference, {"login": account.login}, services.clock.now()
    )


def _renew_reset(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    current = work.resets.open_of(account.login)
    if current is not None:
        current.step, current.nonce, current.nonce_key = ResetStep.RESERVED, new_nonce(), services.keys.key_id
        work.resets.save(current)


def _give_up_reset(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    """S7: its life is over before it could be mailed."""
    void_open_reset(work, account)
    work.audit.write(CUSTOMER, AuditAction.PASSWORD_RESET_FAILED, account.reference, {"login": account.login}, services.clock.now())


@dataclass(frozen=True)
class _Handed:
    """What the mail server said, and to whom the mail went."""

    recipient: str
    state: MailState
    answer: str
    our_setup: bool = False
    unreached: bool = False


def _hand_over(services: Services, look: _Look, mail: Mail | None, password: str) -> _Handed | None:
    """S5, S7: to the address that the account has at this moment; None when it is not wanted any more."""
    assert mail is not None
    recipient = look.account.email
    message = services.compose(services, replace(mail, recipient=recipient), look.application, look.account, password)
    with services.work() as work:
        again = _looks(services, work, [work.accounts.get(look.account.login)])[look.account.login]
    if _what_goes_out(again) != _what_goes_out(look):
        return None
    try:
        return _Handed(recipient, MailState.ACCEPTED, services.mailer.send(message))
    except MailDeferred as error:
        return _Handed(recipient, MailState.DEFERRED, str(error), error.our_setup, error.unreached)
    except MailRefused as error:
        return _Handed(recipient, MailState.REFUSED, str(error))
    except MailFailed as error:
        return _Handed(recipient, MailState.FAILED, str(error))


def _what_goes_out(look: _Look) -> tuple[object, ...]:
    """The act, to whom, and which password: any other act comes first, and no password that another has replaced goes out."""
    return look.next.act, look.account.email, look.account.activation, look.account.nonce, look.reset and look.reset.nonce


def _mail_activations(services: Services, looks: Sequence[_Look]) -> list[object]:
    """S5: one after the other. When the mail server cannot be reached, the rest of the group is not tried."""
    outcomes: list[object] = []
    for look in looks:
        try:
            outcome = _hand_over(services, look, look.mail, activation_password(services, look.account))
        except Exception as error:
            outcomes.append(error)
            continue
        outcomes.append(outcome)
        if outcome is not None and outcome.unreached:
            return outcomes + [outcome] * (len(looks) - len(outcomes))
        services.seam(f"{Act.MAIL_ACTIVATION}.one_sent")
    return outcomes


def _mail_reset(services: Services, look: _Look) -> _Handed | None:
    assert look.reset is not None and look.reset.message_id is not None
    with services.work() as work:
        mail = work.mails.get(look.reset.message_id)
    return _hand_over(services, look, mail, reset_password(services, look.reset))


def _activation_mailed(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    if outcome is None:
        return
    assert isinstance(outcome, _Handed) and look.mail is not None
    mail = _note_mail(services, work, account, look.mail.message_id, outcome)
    if mail is None or account.activation != look.account.activation or account.nonce is None:
        return  # a newer one is wanted, or none: what went out is dead or dies with the next act
    if mail.waits:
        return
    if mail.state is MailState.ACCEPTED and account.email != outcome.recipient:  # corrected while the mail server was taking it
        want_activation_mail(services, work, account)
        work.audit.write(
            WORKER, AuditAction.ACCOUNT_PASSWORD_RENEWED, account.reference, {"login": account.login}, services.clock.now()
        )
        return
    account.forget_nonce()
    if mail.state is MailState.ACCEPTED:
        account.mail_accepted_at = mail.accepted_at
    elif mail.state is MailState.FAILED:
        account.mail_waits(Trouble.MAIL_FAILED, services.clock.now(), None)


def _reset_mailed(services: Services, work: Work, account: Account, look: _Look, outcome: object) -> None:
    if outcome is None:
        return
    assert isinstance(outcome, _Handed) and look.reset is not None and look.reset.message_id is not None
    mail = _note_mail(services, work, account, look.reset.message_id, outcome)
    current = work.resets.get(look.reset.reset_id)
    if mail is None or mail.waits or current is None or not current.is_open:
        return
    stays = mail.state is MailState.ACCEPTED and account.email == outcome.recipient
    current.end(ResetStep.DONE if stays else ResetStep.VOID)
    work.resets.save(current)
    account.reset_open = False
    account.temporary_is_void = not stays and account.temporary_in_keycloak == current.reset_id


def _note_mail(services: Services, work: Work, account: Account, identifier: str, handed: _Handed) -> Mail | None:
    """What the mail server said goes into the mail's row and, where it matters, to the account; None: voided meanwhile."""
    now = services.clock.now()
    mail = work.mails.get(identifier, for_change=True)
    assert mail is not None  # the mails of an account are never deleted
    mail.attempts += 1
    if handed.state is MailState.ACCEPTED:
        mail.accepted(handed.answer, handed.recipient, now)
        account.mail_went_well()
    elif not mail.waits:
        return None
    elif handed.state is MailState.DEFERRED:
        trouble = Trouble.MAIL_SETUP if handed.our_setup else Trouble.MAIL_DEFERRED
        if account.mail_trouble is not trouble:
            work.audit.write(WORKER, AuditAction.ACCOUNT_WAITS, account.reference, {"why": trouble}, now)
        mail.deferred(handed.answer, now)
        account.mail_waits(trouble, now, mail.next_attempt_at)
    else:
        mail.refused(handed.answer) if handed.state is MailState.REFUSED else mail.failed(handed.answer)
        mail.recipient = handed.recipient
        account.mail_went_well()
        if handed.state is MailState.REFUSED and handed.recipient == account.email:
            account.address_is_wrong(Trouble.MAIL_REFUSED, now)
    work.mails.save(mail)
    if not mail.waits:
        audit_mail(services, work, mail)
    return mail


def _user_id(look: _Look) -> str:
    assert look.account.user_id is not None  # the act is chosen only for users that are made
    return look.account.user_id


def _each(do: Callable[[Services, _Look], object]) -> Callable[[Services, Sequence[_Look]], list[object]]:
    """An outside act of one account at a time; its error is its outcome."""

    def one_by_one(services: Services, looks: Sequence[_Look]) -> list[object]:
        outcomes: list[object] = []
        for look in looks:
            try:
                outcomes.append(do(services, look))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    return one_by_one


@_each
def _nothing(services: Services, look: _Look) -> None:
    """An act that only writes rows."""


@dataclass(frozen=True)
class _Step:
    """Attributes:
    do: the outside act for some accounts; an outcome for each, which may be an error.
    note: writes down what came of it for one of them.
    """

    do: Callable[[Services, Sequence[_Look]], list[object]]
    note: Callable[[Services, Work, Account, _Look, object], None]


_ACTS: dict[Act, _Step] = {
    Act.SEEK_USER: _Step(_each(_seek), _sought),
    Act.DELETE_USER: _Step(_each(_delete), _deleted),
    Act.SEE_USER: _Step(_each(_see), _saw),
    Act.MAKE_MAILED_USELESS: _Step(_each(_make_useless), _made_useless),
    Act.MAKE_USER: _Step(_make, _made),
    Act.CHANGE_USER: _Step(_each(_change), _changed),
    Act.SET_ACTIVATION_PASSWORD: _Step(_each(_set_activation), _activation_set),
    Act.VOID_TEMPORARY_PASSWORD: _Step(_each(_void_temporary), _temporary_voided),
    Act.SET_TEMPORARY_PASSWORD: _Step(_each(_set_temporary), _temporary_set),
    Act.RENEW_ACTIVATION: _Step(_nothing, _renew_activation),
    Act.RENEW_RESET: _Step(_nothing, _renew_reset),
    Act.GIVE_UP_RESET: _Step(_nothing, _give_up_reset),
    Act.MAIL_ACTIVATION: _Step(_mail_activations, _activation_mailed),
    Act.MAIL_RESET: _Step(_each(_mail_reset), _reset_mailed),
}
_OF_KEYCLOAK = frozenset(Act) - WITHIN - {Act.MAIL_ACTIVATION, Act.MAIL_RESET}
