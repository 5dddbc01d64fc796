"""A customer changes the e-mail address: the new one is proved by a link, the old one may take the change back."""

from __future__ import annotations

import secrets
import uuid

from provisioning.domain.account import Account
from provisioning.domain.actors import CUSTOMER
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.email_change import EmailChange
from provisioning.domain.errors import FieldError, Invalid, NotFound, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.form.check import checked_email
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.wanted import decided, void_open_reset
from provisioning.use_cases.application.submit import masked_email
from provisioning.use_cases.messages.mail_out import queue_account_mail, void_waiting_mails
from provisioning.use_cases.messages.unasked_mails import keep_within_budget
from provisioning.use_cases.tokens import is_email_change_token, is_email_undo_token


def ask_to_change_email(services: Services, login: str, typed: str) -> EmailChange:
    """Send the link to the new address; until it is used nothing changes. A newer wish replaces this one.

    The answer is the same whether or not another account uses the address: several accounts may.

    Raises:
        Invalid: not an address, or the present one (`same_as_before`).
        NotPossible: `wrong_state` without access.
    """
    address = checked_email(typed)
    with services.work() as work:
        account = work.accounts.locked(login)
        if not account.may_log_in:
            raise NotPossible("wrong_state", "This account has no access.")
        if address == account.email:
            raise Invalid([FieldError("email", "same_as_before")])
        _replace_earlier(work, login, account.reference)
        now = services.clock.now()
        change = EmailChange(
            change_id=uuid.uuid4().hex,
            login=login,
            old_email=account.email,
            new_email=address,
            asked_at=now,
            nonce=secrets.token_bytes(32),
            undo_nonce=secrets.token_bytes(32),
        )
        work.email_changes.add(change)
        about = {"change": change.change_id}
        mail = queue_account_mail(services, work, MailKind.EMAIL_CHANGE, account, change.change_id, about, to=address)
        keep_within_budget(services, work, mail)
        private = {"to": masked_email(address)}
        work.audit.write(CUSTOMER, AuditAction.ACCOUNT_EMAIL_CHANGE_ASKED, account.reference, {}, now, private=private)
    return change


def confirm_email_change(services: Services, token: str) -> EmailChange:
    """The button behind the link in the mail to the new address; the old one is told and may undo.

    Raises:
        NotFound: not a token of ours. NotPossible: `already_confirmed`, `link_expired`, `wrong_state`.
    """
    with services.work() as work:
        change, account = _by_token(work, token)
        if change.nonce is not None and not is_email_change_token(services, change, token):
            raise NotFound("token")
        now = services.clock.now()
        change.confirm(now, services.rules)
        if not account.may_log_in:
            raise NotPossible("wrong_state", "This account has no access.")
        work.email_changes.save(change)
        account.email = change.new_email
        decided(work, account)
        queue_account_mail(
            services, work, MailKind.EMAIL_CHANGED, account, change.change_id, {"change": change.change_id}, to=change.old_email
        )
        private = {"from": change.old_email, "to": change.new_email}
        work.audit.write(CUSTOMER, AuditAction.ACCOUNT_EMAIL_CHANGED, account.reference, {}, now, private=private)
    return change


def undo_email_change(services: Services, token: str) -> EmailChange:
    """The button behind the link in the mail to the old address: somebody else may have made the change.

    So every session ends and whatever temporary password went to the new address dies.

    Raises:
        NotFound: not a token of ours. NotPossible: `already_undone`, `link_expired`.
    """
    with services.work() as work:
        change, account = _by_token(work, token)
        if change.undo_nonce is not None and not is_email_undo_token(services, change, token):
            raise NotFound("token")
        now = services.clock.now()
        change.undo(now, services.rules)
        work.email_changes.save(change)
        _replace_earlier(work, account.login, account.reference)
        account.email = change.old_email
        void_open_reset(work, account)
        account.want_mailed_passwords_useless()
        decided(work, account)
        queue_account_mail(services, work, MailKind.EMAIL_RESTORED, account, change.change_id)
        work.audit.write(CUSTOMER, AuditAction.ACCOUNT_EMAIL_RESTORED, account.reference, {}, now, private={"to": change.old_email})
    return change


def _replace_earlier(work: Work, login: str, reference: str) -> None:
    for earlier in work.email_changes.of(login):
        if earlier.confirmed_at is None and earlier.nonce is not None:
            earlier.nonce = None
            work.email_changes.save(earlier)
            void_waiting_mails(work, reference, MailKind.EMAIL_CHANGE)


def _by_token(work: Work, token: str) -> tuple[EmailChange, Account]:
    """The account is locked before its change, as everywhere: else two buttons pressed at once wait for each other."""
    known = work.email_changes.get(token.partition(".")[0])
    if known is None:
        raise NotFound("token")
    account = work.accounts.locked(known.login)
    return work.email_changes.locked(known.change_id), account
