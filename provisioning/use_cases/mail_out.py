"""Mails leave through the queue: written down with the change they tell of, sent by the worker, followed to the end."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from provisioning.domain.application import Application
from provisioning.domain.errors import NotFound
from provisioning.domain.rulebook import retry_pause
from provisioning.ports import WORKER, Mail, MailDeferred, MailKind, MailRefused, MailState, Office, Work

GIVE_UP_AFTER = timedelta(days=3)


def queue_mail(office: Office, work: Work, kind: MailKind, application: Application, occasion: str) -> Mail:
    """Write a mail down and defer its sending, in the caller's transaction.

    Args:
        occasion: tells two mails of one kind apart; the Message-ID is fixed by it, so that a repeat after an
            unknown outcome is the same mail.
    """
    mail = Mail(
        message_id=message_id(office, kind, application.reference, occasion),
        reference=application.reference,
        kind=kind,
        recipient=application.email,
        created_at=office.clock.now(),
    )
    work.mails.add(mail)
    work.queue.send_mail(mail.message_id)
    return mail


def message_id(office: Office, kind: MailKind, reference: str, occasion: str) -> str:
    digest = hashlib.sha256(f"{kind}:{reference}:{occasion}".encode()).hexdigest()[:24]
    return f"<{kind}.{digest}@{office.mail_domain}>"


def send_mail(office: Office, identifier: str) -> timedelta | None:
    """Send one queued mail (every kind but the activation mail, which belongs to `activate`).

    Returns:
        None when the matter is closed, or how long to wait before the next try.
    """
    with office.work() as work:
        mail = work.mails.get(identifier)
        if mail is None:
            raise NotFound(identifier)
        application = work.applications.get(mail.reference)
    if mail.state not in (MailState.QUEUED, MailState.DEFERRED):
        return None
    if mail.recipient != application.email:
        mail.state, mail.next_attempt_at = MailState.REPLACED, None
        with office.work() as work:
            work.mails.save(mail)
        return None
    mail.attempts += 1
    try:
        message = office.compose(office, mail, application, None)
        mail.answer = office.mailer.send(message)
        mail.state, mail.accepted_at, mail.next_attempt_at = MailState.ACCEPTED, office.clock.now(), None
    except MailDeferred as error:
        mail.state, mail.answer = MailState.DEFERRED, str(error)
    except MailRefused as error:
        mail.state, mail.answer, mail.next_attempt_at = MailState.REFUSED, str(error), None
    pause = None
    if mail.state is MailState.DEFERRED:
        if office.clock.now() - mail.created_at > GIVE_UP_AFTER:
            mail.state = MailState.REFUSED
        else:
            pause = retry_pause(mail.attempts)
            mail.next_attempt_at = office.clock.now() + pause
    with office.work() as work:
        work.mails.save(mail)
        if mail.state is not MailState.DEFERRED:
            work.audit.write(
                WORKER, f"mail.{mail.state}", mail.reference, {"mail": mail.kind, "answer": mail.answer}, office.clock.now()
            )
    return pause
