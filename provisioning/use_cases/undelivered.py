"""Mails that did not arrive: a returned one marks the account, a person calls the customer, the first login is reminded of."""

from __future__ import annotations

from provisioning.domain.account import Trouble
from provisioning.domain.application import Action, require_permission
from provisioning.domain.errors import NotFound, NotPossible
from provisioning.ports import WORKER, Actor, Bounce, Mail, MailKind, MailState, Office, Work
from provisioning.use_cases.mail_out import audit_mail, mark_address, queue_account_mail

_BATCH = 200


def note_bounce(office: Office, work: Work, bounce: Bounce) -> bool:
    """The other mail server sent a mail of ours back: "mail nie dotarł", with its reason; False when the mail is not ours."""
    mail = work.mails.get(bounce.message_id)
    if mail is None or mail.state is not MailState.ACCEPTED or not mail.recipient:
        return False
    mail.state, mail.answer = MailState.BOUNCED, bounce.answer[:300]
    work.mails.save(mail)
    audit_mail(office, work, mail)
    account = mark_address(office, work, mail, Trouble.MAIL_BOUNCED)
    if account is not None and account.trouble is Trouble.MAIL_BOUNCED:
        work.audit.write(WORKER, "account.waits", account.reference, {"why": Trouble.MAIL_BOUNCED}, office.clock.now())
    return True


def mark_handled(office: Office, actor: Actor, message_id: str) -> Mail:
    """Somebody has dealt with a mail that did not arrive, on the telephone for instance.

    Raises:
        Forbidden. NotFound. NotPossible: `already_decided`.
    """
    require_permission(actor.roles, Action.HANDLE_MAIL)
    with office.work() as work:
        mail = work.mails.get(message_id)
        if mail is None or mail.state not in (MailState.REFUSED, MailState.BOUNCED):
            raise NotFound(message_id)
        if mail.handled_at is not None:
            raise NotPossible("already_decided", "Somebody has dealt with it already.")
        mail.handled_at, mail.handled_by = office.clock.now(), actor.name
        work.mails.save(mail)
        work.audit.write(actor, "mail.handled", mail.reference, {"mail": mail.kind.value}, mail.handled_at)
    return mail


def remind_of_first_login(office: Office) -> int:
    """Three days before the temporary password of S5 ends: one mail, without a password; return how many."""
    with office.only_one("remind-of-first-login") as alone:
        return _remind(office) if alone else 0


def _remind(office: Office) -> int:
    now = office.clock.now()
    with office.work() as work:
        accounts = work.accounts.to_be_reminded(now, now + office.rules.activation_reminder, _BATCH)
        for account in accounts:
            assert account.password_expires_at is not None  # the query asks for it
            about = {"expires_at": account.password_expires_at.isoformat(), "activation": account.activation}
            queue_account_mail(office, work, MailKind.ACTIVATION_REMINDER, account, str(account.activation), about)
    return len(accounts)
