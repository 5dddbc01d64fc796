"""A registrar suspends an account and resumes it (S8): sessions end, the login is closed, the customer is told."""

from __future__ import annotations

from provisioning.domain.account import Account
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.free_text import LONGEST_REASON, free_text
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.use_cases.account.wanted import decided, void_open_reset, want_activation_mail_if_none_came
from provisioning.use_cases.application.decide import required_reason
from provisioning.use_cases.messages.mail_out import queue_account_mail, void_waiting_mails


def suspend(services: Services, actor: Actor, login: str, reason: str | None, *, secret: bool = False) -> Account:
    """Close the access; outstanding temporary passwords die.

    Args:
        secret: the customer is not told, for instance while a misuse is looked into.

    Raises:
        Forbidden. Invalid: no reason. NotPossible: `wrong_state`.
    """
    require_permission(actor.roles, Action.SUSPEND)
    words = required_reason(reason)
    with services.work() as work:
        account = work.accounts.locked(login)
        account.suspend()
        void_open_reset(work, account)
        decided(work, account)
        void_waiting_mails(work, account.reference, MailKind.RESUMED)
        now = services.clock.now()
        if not secret:
            queue_account_mail(services, work, MailKind.SUSPENDED, account, now.isoformat(), {"reason": words})
        work.audit.write(
            actor, AuditAction.ACCOUNT_SUSPENDED, account.reference, {"told": not secret}, now, private={"reason": words}
        )
    return account


def resume(services: Services, actor: Actor, login: str, reason: str | None) -> Account:
    """Open the access again; the customer is told.

    Raises:
        Forbidden. Invalid: the reason is too long or has control characters. NotPossible: `wrong_state`.
    """
    require_permission(actor.roles, Action.RESUME)
    words = free_text("reason", reason, LONGEST_REASON)
    with services.work() as work:
        account = work.accounts.locked(login)
        account.resume()
        want_activation_mail_if_none_came(services, work, account)
        decided(work, account)
        void_waiting_mails(work, account.reference, MailKind.SUSPENDED)
        now = services.clock.now()
        queue_account_mail(services, work, MailKind.RESUMED, account, now.isoformat())
        private = {"reason": words} if words else None
        work.audit.write(actor, AuditAction.ACCOUNT_RESUMED, account.reference, {}, now, private=private)
    return account
