"""Mails that did not arrive: a returned one marks the account, a person calls the customer, the first login is reminded of."""

from __future__ import annotations

from provisioning.domain.account_states import Trouble
from provisioning.domain.actors import WORKER, Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotFound, NotPossible
from provisioning.domain.intake import Bounce
from provisioning.domain.mail import NOT_DELIVERED, Mail, MailKind, MailState
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.messages.mail_out import address_did_not_take, audit_mail, queue_account_mail
from provisioning.use_cases.one_by_one import one_by_one

_BATCH = 200


def note_bounce(services: Services, work: Work, bounce: Bounce) -> bool:
    """The other mail server sent a mail of ours back: "mail nie dotarł", with its reason; False when the mail is not ours."""
    known = work.mails.get(bounce.message_id)
    if known is None:
        return False
    account = work.accounts.by_reference(known.reference, for_change=True)
    mail = work.mails.get(bounce.message_id, for_change=True)
    if mail is None or mail.state is not MailState.ACCEPTED or not mail.recipient:
        return False
    mail.bounced(bounce.answer[:300])
    work.mails.save(mail)
    audit_mail(services, work, mail)
    if address_did_not_take(work, account, mail.recipient, Trouble.MAIL_BOUNCED, services.clock.now()):
        work.audit.write(WORKER, AuditAction.ACCOUNT_WAITS, mail.reference, {"why": Trouble.MAIL_BOUNCED}, services.clock.now())
    return True


def mark_handled(services: Services, actor: Actor, message_id: str) -> Mail:
    """Somebody has dealt with a mail that did not arrive, on the telephone for instance.

    Raises:
        Forbidden. NotFound. NotPossible: `already_decided`.
    """
    require_permission(actor.roles, Action.HANDLE_MAIL)
    with services.work() as work:
        mail = work.mails.get(message_id, for_change=True)
        if mail is None or mail.state not in NOT_DELIVERED:
            raise NotFound(message_id)
        if mail.handled_at is not None:
            raise NotPossible("already_decided", "Somebody has dealt with it already.")
        mail.handled_at, mail.handled_by = services.clock.now(), actor.name
        work.mails.save(mail)
        work.audit.write(actor, AuditAction.MAIL_HANDLED, mail.reference, {"mail": mail.kind.value}, mail.handled_at)
    return mail


def remind_of_first_login(services: Services) -> int:
    """Three days before the temporary password of S5 ends: one mail, without a password; return how many.

    Raises:
        LeftBehind: some could not be reminded; all the others were.
    """
    now = services.clock.now()
    with services.work() as work:
        waiting = [each.login for each in work.accounts.to_be_reminded(now, now + services.rules.activation_reminder, _BATCH)]
    return one_by_one("account", waiting, lambda login: _remind(services, login))


def _remind(services: Services, login: str) -> bool:
    with services.work() as work:
        account = work.accounts.locked(login)
        reminded = [each for each in work.mails.of(account.reference) if each.kind is MailKind.ACTIVATION_REMINDER]
        if account.password_expires_at is None or any(each.about.get("activation") == account.activation for each in reminded):
            return False  # another worker was quicker, or a new password is on its way
        about = {"expires_at": account.password_expires_at.isoformat(), "activation": account.activation}
        queue_account_mail(services, work, MailKind.ACTIVATION_REMINDER, account, str(account.activation), about)
    return True
