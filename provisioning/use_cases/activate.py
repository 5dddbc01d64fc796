"""From approval to the mail (S4, S5): the Keycloak user and the activation mail, exactly once in effect.

The process may die anywhere. What rests in the database at each seam is enough to go on: the reserved login,
the nonce that yields the same temporary password again, and a Message-ID that makes a repeated mail the same mail.
"""

from __future__ import annotations

from datetime import timedelta

from ibok_idp.temporary_password import derive, new_nonce
from provisioning.domain.account import GONE, Account, Step, Trouble
from provisioning.domain.application import Application, Status
from provisioning.domain.errors import NotFound, NotPossible
from provisioning.ports import WORKER, DirectoryTrouble, Mail, MailKind, MailState, Office, Work
from provisioning.use_cases.carry_out import decided
from provisioning.use_cases.mail_out import audit_mail, hand_over, message_id


def activate(office: Office, reference: str) -> timedelta | None:
    """Carry the making of one account as far as it goes now.

    Returns:
        None when there is nothing left to try (done, or a person must act), else how long to wait.
    """
    with office.only_one(f"activate:{reference}") as alone:
        if not alone:  # another worker is at it: look again soon, in case it dies
            return timedelta(seconds=5)
        with office.work() as work:
            account = work.accounts.by_reference(reference)
            if account is None:
                raise NotFound(reference)
            application = work.applications.get(reference)
            mail = [each for each in work.mails.of(reference) if each.kind is MailKind.ACTIVATED][-1]
        if account.state in GONE:
            return None
        if account.step is Step.LOGIN_RESERVED:
            pause = _create_user(office, account, application)
            if pause is not None or account.step is Step.LOGIN_RESERVED:
                return pause
        if account.step is Step.PASSWORD_RENEWED:
            pause = _renew_password(office, account)
            if pause is not None or account.step is Step.PASSWORD_RENEWED:
                return pause
        if account.step is Step.USER_CREATED:
            return _send_mail(office, account, application, mail)
        return None


def temporary_password(office: Office, account: Account) -> str:
    """Derive the password from the nonce in the row; the same one as long as the nonce is there."""
    assert account.nonce is not None  # wiped only in the step that ends the activation
    return derive(office.temporary_password_key, account.nonce, f"activation:{account.login}")


def _create_user(office: Office, account: Account, application: Application) -> timedelta | None:
    office.seam("create.before_call")
    try:
        account.user_id = office.directory.create(application, account.login, temporary_password(office, account))
    except DirectoryTrouble as trouble:
        return _wait(office, account, Trouble(trouble.kind), retry=trouble.retry)
    office.seam("create.after_call")
    account.step = Step.USER_CREATED
    account.password_expires_at = office.clock.now() + office.rules.activation_password_life
    account.calm()
    with office.work() as work:
        current = work.applications.get(application.reference, for_change=True)
        if current.status is Status.APPROVED:
            current.move(Status.REGISTERED)
            work.applications.save(current)
        work.accounts.save_making(account)
        if account.email != application.email or account.activation > 1:  # what changed since the form was filed
            decided(work, work.accounts.locked(account.login))
        work.audit.write(WORKER, "account.created", application.reference, {"login": account.login}, office.clock.now())
        office.seam("create.before_commit")
    office.seam("create.after_commit")
    return None


def resend_activation(office: Office, work: Work, account: Account) -> None:
    """A new activation password for an account that nobody logged in to yet; the earlier one dies (S5).

    Raises:
        NotPossible: `not_ready` while the account is still being made.
    """
    if account.user_id is None:
        raise NotPossible("not_ready", "The account is still being made.")
    _start_again(office, work, account, Step.PASSWORD_RENEWED)


def make_again(office: Office, work: Work, account: Account) -> None:
    """Keycloak lost the user (an older back-up, perhaps): the same login, with a new activation mail."""
    account.user_id = None
    _start_again(office, work, account, Step.LOGIN_RESERVED)


def _start_again(office: Office, work: Work, account: Account, step: Step) -> None:
    account.activation += 1
    account.step, account.nonce, account.mail_accepted_at = step, new_nonce(), None
    account.calm()
    mail = Mail(
        message_id=message_id(office, MailKind.ACTIVATED, account.reference, f"{account.login}:{account.activation}"),
        reference=account.reference,
        kind=MailKind.ACTIVATED,
        recipient=account.email,
        created_at=office.clock.now(),
    )
    work.mails.add(mail)
    work.queue.activate(account.reference)


def _renew_password(office: Office, account: Account) -> timedelta | None:
    assert account.user_id is not None  # resend_activation asks for it
    try:
        office.directory.set_activation_password(account.user_id, temporary_password(office, account))
        office.directory.void_temporary_password(account.user_id)
    except DirectoryTrouble as trouble:
        return _wait(office, account, Trouble(trouble.kind), retry=trouble.retry)
    account.step = Step.USER_CREATED
    account.password_expires_at = office.clock.now() + office.rules.activation_password_life
    account.calm()
    with office.work() as work:
        work.accounts.save_making(account)
    return None


def _send_mail(office: Office, account: Account, application: Application, mail: Mail) -> timedelta | None:
    """S5: login, temporary password and basic data to the address of the application."""
    hand_over(office, mail, application, account, temporary_password(office, account))
    if mail.state is MailState.DEFERRED:
        return _wait(office, account, Trouble.MAIL_DEFERRED, retry=True, mail=mail)
    if mail.state is MailState.REFUSED:
        return _wait(office, account, Trouble.MAIL_REFUSED, retry=False, mail=mail)
    office.seam("mail.after_data")
    account.step, account.mail_accepted_at = Step.DONE, mail.accepted_at
    account.nonce = None  # from here on nothing anywhere can yield the temporary password
    account.calm()
    with office.work() as work:
        work.mails.save(mail)
        work.accounts.save_making(account)
        audit_mail(office, work, mail)
        office.seam("mail.before_commit")
    office.seam("mail.after_commit")
    return None


def _wait(office: Office, account: Account, trouble: Trouble, *, retry: bool, mail: Mail | None = None) -> timedelta | None:
    """Write down why the account waits, for the staff page, and say how long."""
    now = office.clock.now()
    changed = account.trouble is not trouble
    pause = account.wait(trouble, now, retry=retry)
    with office.work() as work:
        work.accounts.save_making(account)
        if mail is not None:
            mail.next_attempt_at = account.next_attempt_at
            work.mails.save(mail)
        if changed:
            work.audit.write(WORKER, "account.waits", account.reference, {"why": trouble}, now)
    return pause
