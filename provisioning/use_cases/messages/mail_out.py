"""Mails leave through the queue: written down with the change they tell of, sent by the worker, followed to the end.

Those with a password belong to the keeper of the account (keep_account.py) alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from provisioning.domain.account import Account
from provisioning.domain.account_states import Trouble
from provisioning.domain.actors import WORKER
from provisioning.domain.application import Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.mail import GIVE_UP_AFTER, OF_THE_APPLICATION, WITH_PASSWORD, Mail, MailKind, MailState
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.one_by_one import one_by_one
from provisioning.use_cases.tokens import email_change_token, email_undo_token


def queue_mail(services: Services, work: Work, kind: MailKind, application: Application, occasion: str) -> Mail:
    """Write a mail of an application down and defer its sending, in the caller's transaction.

    Args:
        occasion: tells two mails of one kind apart; the Message-ID is fixed by it, so that a repeat after an
            unknown outcome is the same mail.
    """
    return _queue(services, work, kind, application.reference, application.email, occasion, {})


def queue_account_mail(
    services: Services,
    work: Work,
    kind: MailKind,
    account: Account,
    occasion: str,
    about: dict[str, Any] | None = None,
    to: str = "",
) -> Mail:
    """The same for a mail of an account: to the address it has when the mail goes out, or to the one given as `to`.

    Args:
        about: what the mail speaks of; kept with it until the person is anonymised, so nothing secret.
    """
    return _queue(services, work, kind, account.reference, to or account.email, occasion, about or {}, fixed=bool(to))


def _queue(
    services: Services,
    work: Work,
    kind: MailKind,
    reference: str,
    recipient: str,
    occasion: str,
    about: dict[str, Any],
    *,
    fixed: bool = False,
) -> Mail:
    mail = Mail(
        message_id=message_id(services, kind, reference, occasion),
        reference=reference,
        kind=kind,
        recipient=recipient,
        created_at=services.clock.now(),
        about=about,
        fixed_recipient=fixed,
    )
    work.mails.add(mail)
    work.queue.send_mail(mail.message_id)
    return mail


def message_id(services: Services, kind: MailKind, reference: str, occasion: str) -> str:
    digest = hashlib.sha256(f"{kind}:{reference}:{occasion}".encode()).hexdigest()[:24]
    return f"<{kind}.{digest}@{services.mail_domain}>"


def void_waiting_mails(work: Work, reference: str, *kinds: MailKind, besides: Mail | None = None) -> None:
    """What these mails would say is not true any more: they do not go out."""
    for mail in work.mails.of(reference):
        if mail.kind in kinds and mail.waits and (besides is None or mail.message_id != besides.message_id):
            mail.void()
            work.mails.save(mail)


def send_mail(services: Services, identifier: str) -> MailState:
    """Send one mail that holds no password, if it waits and its time has come; returns its state afterwards."""
    with services.only_one(f"mail:{identifier}") as alone:
        with services.work() as work:
            mail = work.mails.get(identifier)
            if mail is None:
                return MailState.VOID  # its application was never confirmed and is gone
            application = work.applications.get(mail.reference)
            account = work.accounts.by_reference(mail.reference)
            recipient, secret = _meant(services, work, mail, application, account)
        too_early = mail.next_attempt_at is not None and mail.next_attempt_at > services.clock.now()
        if not alone or not mail.waits or mail.kind in WITH_PASSWORD or too_early:
            return mail.state
        if recipient is None:
            return _write_down(services, mail, "", None)
        message = services.compose(services, replace(mail, recipient=recipient), application, account, secret)
        services.seam("send_mail.before_call")
        answer: str | MailDeferred | MailRefused | MailFailed
        try:
            answer = services.mailer.send(message)
        except (MailDeferred, MailRefused, MailFailed) as error:
            answer = error
        services.seam("send_mail.after_call")
        return _write_down(services, mail, recipient, answer)


def _write_down(
    services: Services, sent: Mail, recipient: str, answer: str | MailDeferred | MailRefused | MailFailed | None
) -> MailState:
    with services.work() as work:
        now = services.clock.now()
        account = work.accounts.by_reference(sent.reference, for_change=True)  # accounts are locked before mails
        mail = work.mails.get(sent.message_id, for_change=True)
        if mail is None:
            return MailState.VOID  # gone meanwhile, with its application
        mail.attempts += 1
        if isinstance(answer, str):
            mail.accepted(answer, recipient, now)
        elif not mail.waits:
            return mail.state  # made pointless meanwhile
        elif answer is None:
            mail.void()
        elif isinstance(answer, MailDeferred):
            mail.deferred(str(answer), now)
            if now - mail.created_at > GIVE_UP_AFTER:
                mail.failed(str(answer))
        elif isinstance(answer, MailRefused):
            mail.refused(str(answer))
            mail.recipient = recipient
            address_did_not_take(work, account, recipient, Trouble.MAIL_REFUSED, now)
        else:
            mail.failed(str(answer))
        work.mails.save(mail)
        if not mail.waits and mail.state is not MailState.VOID:
            audit_mail(services, work, mail)
        return mail.state


def address_did_not_take(work: Work, account: Account | None, recipient: str, trouble: Trouble, now: Any) -> bool:
    """A mail to the account's present address did not arrive: staff must find the right one. False when it is no such mail."""
    if account is None or account.must_be_gone or recipient != account.email:
        return False
    account.address_is_wrong(trouble, now)
    work.accounts.save(account)
    return True


def audit_mail(services: Services, work: Work, mail: Mail) -> None:
    """What became of a mail; the server's answer may name the address, so it goes with the person."""
    details = {"mail": mail.kind.value}
    work.audit.write(
        WORKER, AuditAction(f"mail.{mail.state}"), mail.reference, details, services.clock.now(), private={"answer": mail.answer}
    )


def _meant(
    services: Services, work: Work, mail: Mail, application: Application, account: Account | None
) -> tuple[str | None, str | None]:
    """To whom the mail goes as things are now (None: it has no use any more), and the token of its link."""
    recipient = mail.recipient
    if mail.kind in OF_THE_APPLICATION:
        recipient = application.email
    elif account is not None and not mail.fixed_recipient:
        recipient = account.email or mail.recipient
    if mail.kind in (MailKind.EMAIL_CHANGE, MailKind.EMAIL_CHANGED):
        change = work.email_changes.get(mail.about["change"]) if "change" in mail.about else None
        if change is None:
            return None, None
        token = email_change_token(services, change) if mail.kind is MailKind.EMAIL_CHANGE else email_undo_token(services, change)
        return (recipient if token else None), token
    return recipient or None, None


def due_mails(services: Services, limit: int = 200) -> int:
    """Send what is due, oldest first: tries again, and finds mails whose wake-up was lost; returns how many were looked at.

    Raises:
        LeftBehind: some could not be dealt with; all the others were.
    """
    with services.work() as work:
        due = work.mails.to_be_sent(services.clock.now(), limit)
    return one_by_one("mail", due, lambda identifier: send_mail(services, identifier) is not None)
