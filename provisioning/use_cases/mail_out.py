"""Mails leave through the queue: written down with the change they tell of, sent by the worker, followed to the end."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from provisioning.domain.account import Account, Trouble
from provisioning.domain.application import Application
from provisioning.domain.rulebook import retry_pause
from provisioning.ports import WORKER, Mail, MailDeferred, MailKind, MailRefused, MailState, Office, Work
from provisioning.use_cases.tokens import email_change_token, email_undo_token

GIVE_UP_AFTER = timedelta(days=3)
_OF_THE_APPLICATION = {MailKind.CONFIRM_EMAIL, MailKind.RECEIVED, MailKind.REJECTED, MailKind.INCOMPLETE}


def queue_mail(office: Office, work: Work, kind: MailKind, application: Application, occasion: str) -> Mail:
    """Write a mail of an application down and defer its sending, in the caller's transaction.

    Args:
        occasion: tells two mails of one kind apart; the Message-ID is fixed by it, so that a repeat after an
            unknown outcome is the same mail.
    """
    return _queue(office, work, kind, application.reference, application.email, occasion, {})


def queue_account_mail(
    office: Office, work: Work, kind: MailKind, account: Account, occasion: str, about: dict[str, Any] | None = None, to: str = ""
) -> Mail:
    """The same for a mail of an account, to its present address unless `to` names another.

    Args:
        about: what the mail speaks of; kept with it until the person is anonymised, so nothing secret.
    """
    return _queue(office, work, kind, account.reference, to or account.email, occasion, about or {})


def _queue(
    office: Office, work: Work, kind: MailKind, reference: str, recipient: str, occasion: str, about: dict[str, Any]
) -> Mail:
    mail = Mail(
        message_id=message_id(office, kind, reference, occasion),
        reference=reference,
        kind=kind,
        recipient=recipient,
        created_at=office.clock.now(),
        about=about,
    )
    work.mails.add(mail)
    work.queue.send_mail(mail.message_id)
    return mail


def message_id(office: Office, kind: MailKind, reference: str, occasion: str) -> str:
    digest = hashlib.sha256(f"{kind}:{reference}:{occasion}".encode()).hexdigest()[:24]
    return f"<{kind}.{digest}@{office.mail_domain}>"


def hand_over(
    office: Office, mail: Mail, application: Application, account: Account | None, secret: str | None
) -> timedelta | None:
    """Try once to hand a mail to the mail server; its state and the server's answer are in `mail` afterwards.

    Args:
        secret: what the mail brings and what rests nowhere: a temporary password, or the token of a link.

    Returns:
        how long to wait before the next try, None when the mail server has decided.
    """
    mail.attempts += 1
    message = office.compose(office, mail, application, account, secret)
    office.seam("mail.before_data")
    try:
        mail.answer = office.mailer.send(message)
        mail.state, mail.accepted_at, mail.next_attempt_at = MailState.ACCEPTED, office.clock.now(), None
    except MailDeferred as error:
        pause = retry_pause(mail.attempts)
        mail.state, mail.answer, mail.next_attempt_at = MailState.DEFERRED, str(error), office.clock.now() + pause
        return pause
    except MailRefused as error:
        mail.state, mail.answer, mail.next_attempt_at = MailState.REFUSED, str(error), None
    return None


def send_mail(office: Office, identifier: str) -> timedelta | None:
    """Send one queued mail (those with a password belong to `activate` and `request_new_password`).

    Returns:
        None when the matter is closed, or how long to wait before the next try.
    """
    with office.work() as work:
        mail = work.mails.get(identifier)
        if mail is None:
            return None  # its application was never confirmed and is gone
        application = work.applications.get(mail.reference)
        account = work.accounts.by_reference(mail.reference)
        replaced, secret = _still_meant(office, work, mail, application)
    if mail.state not in (MailState.QUEUED, MailState.DEFERRED):
        return None
    pause = None
    if replaced:
        mail.state, mail.next_attempt_at = MailState.REPLACED, None
    else:
        pause = hand_over(office, mail, application, account, secret)
        if pause is not None and office.clock.now() - mail.created_at > GIVE_UP_AFTER:
            mail.state, mail.next_attempt_at, pause = MailState.REFUSED, None, None
    with office.work() as work:
        work.mails.save(mail)
        if mail.state not in (MailState.DEFERRED, MailState.REPLACED):
            audit_mail(office, work, mail)
        if mail.state is MailState.REFUSED:
            mark_address(office, work, mail, Trouble.MAIL_REFUSED)
    return pause


def mark_address(office: Office, work: Work, mail: Mail, trouble: Trouble) -> Account | None:
    """A mail to the account's present address did not arrive: staff must find the right one. None when it is no such mail."""
    account = work.accounts.by_reference(mail.reference, for_change=True)
    if account is None or account.must_be_gone or mail.recipient != account.email:
        return None
    account.address_is_wrong(trouble, office.clock.now())
    work.accounts.save(account)
    return account


def audit_mail(office: Office, work: Work, mail: Mail) -> None:
    """What became of a mail; the server's answer may name the address, so it goes with the person."""
    details = {"mail": mail.kind.value}
    work.audit.write(WORKER, f"mail.{mail.state}", mail.reference, details, office.clock.now(), private={"answer": mail.answer})


def _still_meant(office: Office, work: Work, mail: Mail, application: Application) -> tuple[bool, str | None]:
    """Whether something newer took the mail's place, and the token of its link."""
    if mail.kind in _OF_THE_APPLICATION:
        return mail.recipient != application.email, None
    if not mail.recipient:  # the person was anonymised
        return True, None
    if mail.kind in (MailKind.EMAIL_CHANGE, MailKind.EMAIL_CHANGED):
        change = work.email_changes.locked(mail.about["change"])
        token = email_change_token(office, change) if mail.kind is MailKind.EMAIL_CHANGE else email_undo_token(office, change)
        return token is None, token
    return False, None
