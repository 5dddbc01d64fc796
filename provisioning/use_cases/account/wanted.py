"""The one way in which a deed changes an account: what is wanted is written down, and the account's keeper is woken."""

from __future__ import annotations

from datetime import datetime

from ibok_idp.temporary_password import new_nonce
from provisioning.domain.account import Account
from provisioning.domain.errors import NotFound
from provisioning.domain.mail import Mail, MailKind
from provisioning.domain.password_reset import ResetStep
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.messages.mail_out import message_id


def decided(work: Work, account: Account) -> None:
    """Save a changed account and wake its keeper, in the caller's transaction."""
    account.look_now()
    work.accounts.save(account)
    work.queue.keep(account.login)


def want_activation_mail(services: Services, work: Work, account: Account) -> None:
    """S5: a new activation password and its mail; whatever was mailed or queued before dies. The caller saves the account."""
    void_activation_mail(services, work, account)
    account.want_activation_password(new_nonce(), services.keys.key_id)
    work.mails.add(activation_mail(services, account))


def want_activation_mail_if_none_came(services: Services, work: Work, account: Account) -> None:
    """S5: whoever may log in again, or at a mended address, and has no password at all gets one. The caller saves the account."""
    if account.has_no_password_at_all and account.may_be_mailed_a_password:
        void_open_reset(work, account)
        want_activation_mail(services, work, account)


def activation_mail(services: Services, account: Account) -> Mail:
    """The mail of the present activation password."""
    return Mail(
        message_id=activation_mail_id(services, account),
        reference=account.reference,
        kind=MailKind.ACTIVATED,
        recipient=account.email,
        created_at=services.clock.now(),
    )


def activation_mail_id(services: Services, account: Account) -> str:
    """Its Message-ID is fixed by the number of the password."""
    occasion = account.login if account.activation == 1 else f"{account.login}:{account.activation}"
    return message_id(services, MailKind.ACTIVATED, account.reference, occasion)


def void_activation_mail(services: Services, work: Work, account: Account) -> None:
    """The activation mail that waits has become pointless; the nonce of its password goes with it."""
    account.forget_nonce()
    mail = work.mails.get(activation_mail_id(services, account), for_change=True)
    if mail is not None:
        _void(work, mail)


def void_open_reset(work: Work, account: Account, asked_before: datetime | None = None) -> bool:
    """A newer wish, an own password or staff end what has not been mailed yet (S7). The caller saves the account.

    Returns:
        whether there was one.
    """
    reset = work.resets.open_of(account.login)
    if reset is None or (asked_before is not None and reset.asked_at > asked_before):
        return False
    reset.end(ResetStep.VOID)
    work.resets.save(reset)
    account.reset_open = False
    account.temporary_is_void = account.temporary_is_void or account.temporary_in_keycloak == reset.reset_id
    mail = work.mails.get(reset.message_id, for_change=True) if reset.message_id else None
    if mail is not None:
        _void(work, mail)
    return True


def void_passwords_on_their_way(services: Services, work: Work, account: Account) -> None:
    """No password that has not been handed over yet goes out any more. The caller saves the account."""
    void_activation_mail(services, work, account)
    void_open_reset(work, account)


def still_there(work: Work, login: str) -> Account | None:
    """The account, locked; None when there is none of this login."""
    try:
        return work.accounts.locked(login)
    except NotFound:
        return None


def _void(work: Work, mail: Mail) -> None:
    if mail.waits:
        mail.void()
        work.mails.save(mail)
