"""What the keeper mails (S5, S7), and what it does with a password that waits to be mailed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ibok_idp.temporary_password import new_nonce
from provisioning.domain.account import Account
from provisioning.domain.account_states import Trouble
from provisioning.domain.actors import CUSTOMER, WORKER
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.keeping import Act
from provisioning.domain.mail import Mail, MailState
from provisioning.domain.password_reset import ResetStep
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.keeper.look import Look, fresh_looks
from provisioning.use_cases.account.keeper.passwords import activation_password, reset_password
from provisioning.use_cases.account.wanted import void_open_reset, want_activation_mail
from provisioning.use_cases.messages.mail_out import audit_mail


def renew_activation(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    """The password that waits would be dead when it is read (its life is over, or its key is gone): a new one, never that."""
    want_activation_mail(services, work, account)
    work.audit.write(
        WORKER, AuditAction.ACCOUNT_PASSWORD_RENEWED, account.reference, {"login": account.login}, services.clock.now()
    )


def renew_reset(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    current = work.resets.open_of(account.login)
    if current is not None:
        current.step, current.nonce, current.nonce_key = ResetStep.RESERVED, new_nonce(), services.keys.key_id
        work.resets.save(current)


def give_up_reset(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
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


def _hand_over(services: Services, look: Look, mail: Mail | None, password: str) -> _Handed | None:
    """S5, S7: to the address that the account has at this moment; None when it is not wanted any more."""
    assert mail is not None
    recipient = look.account.email
    message = services.compose(services, replace(mail, recipient=recipient), look.application, look.account, password)
    with services.work() as work:
        again = fresh_looks(services, work, [work.accounts.get(look.account.login)])[look.account.login]
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


def _what_goes_out(look: Look) -> tuple[object, ...]:
    """The act, to whom, and which password: any other act comes first, and no password that another has replaced goes out."""
    return look.next.act, look.account.email, look.account.activation, look.account.nonce, look.reset and look.reset.nonce


def mail_activations(services: Services, looks: Sequence[Look]) -> list[object]:
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


def mail_reset(services: Services, look: Look) -> _Handed | None:
    assert look.reset is not None and look.reset.message_id is not None
    with services.work() as work:
        mail = work.mails.get(look.reset.message_id)
    return _hand_over(services, look, mail, reset_password(services, look.reset))


def activation_mailed(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
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


def reset_mailed(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
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
    if mail.state is MailState.FAILED:
        account.mail_waits(Trouble.MAIL_FAILED, services.clock.now(), None)


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
