"""Rule S7: "Nie pamiętasz hasła?" brings a new temporary password to the address registered with the login.

The person who asks is always told the same, after the same work: the wish goes into the queue as typed, and only the
worker looks whether there is such a login. The temporary password lives beside the old one, which goes on working, so
nobody can lock a customer out by asking.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from ibok_idp.temporary_password import derive, new_nonce
from provisioning.domain.account import Account
from provisioning.domain.errors import NotFound
from provisioning.domain.login_names import normalised
from provisioning.domain.password_reset import PasswordReset, ResetOutcome, ResetStep, outcome_for
from provisioning.domain.rulebook import retry_pause
from provisioning.ports import CUSTOMER, Actor, DirectoryTrouble, Mail, MailKind, MailState, Office, Work
from provisioning.use_cases.mail_out import audit_mail, hand_over, message_id, queue_account_mail
from provisioning.use_cases.unasked_mails import reset_within_budget

_LONGEST_LOGIN = 64


def ask_for_new_password(office: Office, typed: str) -> None:
    """Take the wish in: the same work, so the same time, for every login, known or not."""
    plain = "".join(character for character in normalised(typed) if character.isascii() and character.isprintable())
    with office.work() as work:
        work.queue.request_new_password(plain[:_LONGEST_LOGIN])


def request_new_password(office: Office, login: str) -> PasswordReset | None:
    """Decide one wish (in the worker); of an unknown login only the count is kept, for the alarm."""
    with office.work() as work:
        now = office.clock.now()
        try:
            account = work.accounts.locked(login)
        except NotFound:
            work.resets.add(PasswordReset(uuid.uuid4().hex, None, now, ResetOutcome.UNKNOWN, ResetStep.DONE))
            return None
        outcome = outcome_for(account, work.resets.mailed_since(login, now - timedelta(days=1)), now, office.rules)
        return reserve(office, work, account, reset_within_budget(office, work, account, outcome), CUSTOMER)


def reserve(office: Office, work: Work, account: Account, outcome: ResetOutcome, by: Actor) -> PasswordReset:
    """Write a wish down with what becomes of it; an issued one makes the earlier ones void."""
    now = office.clock.now()
    reset = PasswordReset(reset_id=uuid.uuid4().hex, login=account.login, asked_at=now, outcome=outcome, step=ResetStep.DONE)
    if outcome is ResetOutcome.ISSUED:
        void_open_resets(work, account)
        reset.step, reset.nonce = ResetStep.RESERVED, new_nonce()
        reset.expires_at = now + office.rules.reset_password_life
        mail = Mail(
            message_id=message_id(office, MailKind.NEW_PASSWORD, account.reference, reset.reset_id),
            reference=account.reference,
            kind=MailKind.NEW_PASSWORD,
            recipient=account.email,
            created_at=now,
            about={"expires_at": reset.expires_at.isoformat()},
        )
        work.mails.add(mail)
        reset.message_id = mail.message_id
        work.queue.issue_new_password(reset.reset_id)
    elif outcome is ResetOutcome.REFUSED:
        queue_account_mail(office, work, MailKind.NO_NEW_PASSWORD, account, reset.reset_id)
    work.resets.add(reset)
    work.audit.write(by, f"password_reset.{outcome}", account.reference, {"login": account.login}, now)
    return reset


def void_open_resets(work: Work, account: Account, asked_before: datetime | None = None) -> None:
    """A newer wish, an own password, staff or a change of address ends what has not been mailed yet."""
    for earlier in work.resets.open_of(account.login):
        if asked_before is not None and earlier.asked_at > asked_before:
            continue
        earlier.step, earlier.nonce = ResetStep.VOID, None
        work.resets.save(earlier)
        mail = work.mails.get(earlier.message_id) if earlier.message_id else None
        if mail is not None and mail.state in (MailState.QUEUED, MailState.DEFERRED):
            mail.state, mail.next_attempt_at = MailState.REPLACED, None
            work.mails.save(mail)


def issue_new_password(office: Office, reset_id: str) -> timedelta | None:
    """Hand a temporary password to Keycloak and to the mail server, exactly once in effect.

    The process may die anywhere: the nonce yields the same password again, Keycloak replaces it by itself, and the
    Message-ID is fixed.

    Returns:
        None when the matter is closed, or how long to wait before the next try.
    """
    with office.work() as work:
        known = work.resets.get(reset_id)
    if known is None or known.login is None:
        return None
    with office.only_one(f"passwords:{known.login}", patience=2) as alone:  # one at a time for each login: the newest must win
        if not alone:
            return timedelta(seconds=2)
        with office.work() as work:
            reset = work.resets.get(reset_id) or known
            account = work.accounts.get(known.login)
        if reset.step is ResetStep.RESERVED and (pause := _set_in_keycloak(office, reset, account)) is not None:
            return pause
        return _send(office, reset, account) if reset.nonce is not None else None


def _set_in_keycloak(office: Office, reset: PasswordReset, account: Account) -> timedelta | None:
    assert account.user_id is not None and reset.expires_at is not None  # decided before: outcome ISSUED
    if office.clock.now() >= reset.expires_at:
        _give_up(office, reset)
        return None
    office.seam("reset.before_call")
    try:
        office.directory.set_temporary_password(account.user_id, _password(office, reset), reset.expires_at)
    except DirectoryTrouble as trouble:
        if not trouble.retry:
            _give_up(office, reset)
            return None
        reset.attempts += 1
        with office.work() as work:
            _saved_unless_void(work, reset)
        return retry_pause(reset.attempts)
    office.seam("reset.after_call")
    reset.step, reset.attempts = ResetStep.SET, 0
    with office.work() as work:
        if not _saved_unless_void(work, reset):
            reset.nonce = None  # voided meanwhile; whoever did it also takes it out of Keycloak, after this lock
    return None


def _send(office: Office, reset: PasswordReset, account: Account) -> timedelta | None:
    """S7: to the address registered with the login; the nonce is wiped as soon as the mail server took the mail."""
    assert reset.message_id is not None  # set together with the nonce
    with office.work() as work:
        mail, application = work.mails.get(reset.message_id), work.applications.get(account.reference)
    assert mail is not None
    pause = hand_over(office, mail, application, account, _password(office, reset))
    office.seam("reset.after_data")
    if pause is not None and reset.expires_at is not None and office.clock.now() >= reset.expires_at:
        mail.state, mail.next_attempt_at, pause = MailState.REFUSED, None, None
    if pause is None:
        reset.step, reset.nonce = ResetStep.DONE, None
    with office.work() as work:
        if _saved_unless_void(work, reset) or mail.state is MailState.ACCEPTED:
            work.mails.save(mail)
            if pause is None:
                audit_mail(office, work, mail)
    return pause


def _give_up(office: Office, reset: PasswordReset) -> None:
    reset.step, reset.nonce = ResetStep.VOID, None
    with office.work() as work:
        work.resets.save(reset)
        account = work.accounts.get(str(reset.login))
        work.audit.write(CUSTOMER, "password_reset.failed", account.reference, {"login": reset.login}, office.clock.now())


def _saved_unless_void(work: Work, reset: PasswordReset) -> bool:
    work.accounts.locked(str(reset.login))  # a newer wish or a void holds this row while it ends the earlier ones
    current = work.resets.get(reset.reset_id)
    if current is None or current.step is ResetStep.VOID:
        return False
    work.resets.save(reset)
    return True


def _password(office: Office, reset: PasswordReset) -> str:
    assert reset.nonce is not None  # wiped only in the step that ends the matter
    return derive(office.temporary_password_key, reset.nonce, f"reset:{reset.login}:{reset.reset_id}")


def flood(office: Office) -> int | None:
    """How many wishes came in the last hour over all logins, when that is an alarm (S7)."""
    with office.work() as work:
        count = work.resets.count_since(office.clock.now() - timedelta(hours=1))
    return count if count >= office.rules.reset_alarm_per_hour else None
