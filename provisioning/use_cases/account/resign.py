"""Resignation from iBOK (S8): by the customer in the portal or by staff on paper; possible at any moment."""

from __future__ import annotations

from datetime import timedelta

from provisioning.domain.account import Account
from provisioning.domain.account_states import ClosingCause
from provisioning.domain.actors import CUSTOMER, WORKER, Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotPossible
from provisioning.domain.mail import POINTLESS_AFTER_THE_END, MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.wanted import decided, void_passwords_on_their_way, want_activation_mail_if_none_came
from provisioning.use_cases.messages.mail_out import queue_account_mail, void_waiting_mails
from provisioning.use_cases.one_by_one import one_by_one

_MOST = 1000


def resign(
    services: Services, login: str, *, cause: ClosingCause = ClosingCause.RESIGNATION, actor: Actor | None = None
) -> Account:
    """Begin to end an account; the confirmation goes out with a PDF, the utility is told as configured.

    Args:
        actor: a member of staff who enters a resignation that came on paper; None: the customer in the portal.

    Raises:
        Forbidden. NotPossible: `wrong_state`.
    """
    if actor is not None:
        require_permission(actor.roles, Action.RESIGN)
    with services.work() as work:
        account = work.accounts.locked(login)
        begin_closing(services, work, account, cause, services.rules.closing.resignation_days, actor or CUSTOMER)
    if account.closes_on is not None and account.closes_on <= services.clock.today():
        close_if_due(services, login)
        with services.work() as work:
            account = work.accounts.get(login)
    return account


def begin_closing(services: Services, work: Work, account: Account, cause: ClosingCause, days: int, by: Actor) -> None:
    """S8: the one way into REZYGNACJA_W_TOKU."""
    now = services.clock.now()
    account.resign(now, services.clock.today() + timedelta(days=days), cause)
    decided(work, account)
    assert account.closes_on is not None  # set by resign
    about = {"closes_on": account.closes_on.isoformat(), "cause": cause.value, "resigned_at": now.isoformat()}
    kind = MailKind.CONTRACT_ENDED if cause is ClosingCause.END_OF_CONTRACT else MailKind.RESIGNATION
    queue_account_mail(services, work, kind, account, now.isoformat(), about)
    for address in services.rules.closing.tell:
        queue_account_mail(services, work, MailKind.RESIGNATION_NOTE, account, f"{now.isoformat()}:{address}", about, to=address)
    work.audit.write(by, AuditAction.ACCOUNT_RESIGNING, account.reference, {"cause": cause, "closes_on": about["closes_on"]}, now)


def withdraw_resignation(services: Services, login: str, actor: Actor | None = None) -> Account:
    """Take a resignation back, as long as it has not taken effect.

    Raises:
        Forbidden. NotPossible: `wrong_state`, `not_withdrawable`.
    """
    if actor is not None:
        require_permission(actor.roles, Action.RESIGN)
    if not services.rules.closing.withdrawable:
        raise NotPossible("not_withdrawable", "The terms do not let a resignation be taken back.")
    with services.work() as work:
        account = work.accounts.locked(login)
        account.withdraw_resignation()
        want_activation_mail_if_none_came(services, work, account)
        decided(work, account)
        void_waiting_mails(work, account.reference, MailKind.RESIGNATION, MailKind.RESIGNATION_NOTE)
        now = services.clock.now()
        queue_account_mail(services, work, MailKind.RESIGNATION_WITHDRAWN, account, now.isoformat())
        work.audit.write(actor or CUSTOMER, AuditAction.ACCOUNT_RESIGNATION_WITHDRAWN, account.reference, {}, now)
    return account


def end_contract(services: Services, actor: Actor, login: str, customer_number: str) -> Account:
    """A water contract ends: its number leaves the account, which closes after notice only when none is left.

    Raises:
        Forbidden. NotPossible: `no_such_number`, `wrong_state`.
    """
    require_permission(actor.roles, Action.END_CONTRACT)
    with services.work() as work:
        account = work.accounts.locked(login)
        if customer_number not in account.customer_numbers:
            raise NotPossible("no_such_number", "This customer number is not on the account.")
        account.customer_numbers = [number for number in account.customer_numbers if number != customer_number]
        now = services.clock.now()
        work.audit.write(
            actor, AuditAction.ACCOUNT_CONTRACT_ENDED, account.reference, {}, now, private={"customer_number": customer_number}
        )
        if account.customer_numbers or not account.may_log_in:
            decided(work, account)
        else:
            begin_closing(services, work, account, ClosingCause.END_OF_CONTRACT, services.rules.closing.contract_notice_days, actor)
    return account


def delete_account(services: Services, actor: Actor, login: str, reason: str) -> Account:
    """Delete an account now, for instance on a court's order; the evidence stays for its retention.

    Raises:
        Forbidden. NotPossible: `wrong_state`.
    """
    require_permission(actor.roles, Action.DELETE)
    with services.work() as work:
        account = work.accounts.locked(login)
        delete_now(services, work, account, ClosingCause.STAFF, actor, reason)
    return account


def delete_now(services: Services, work: Work, account: Account, cause: ClosingCause, by: Actor, reason: str | None = None) -> None:
    """S8: the one way to USUNIETE: the Keycloak user goes, the login name is burnt for ever (it stays in issued_logins)."""
    now = services.clock.now()
    account.delete(now, services.clock.today() + timedelta(days=services.rules.closing.retention_days), cause)
    _end_what_is_on_its_way(services, work, account)
    decided(work, account)
    private = {"reason": reason} if reason else None
    work.audit.write(
        by, AuditAction.ACCOUNT_DELETED, account.reference, {"login": account.login, "cause": cause}, now, private=private
    )


def close_due_accounts(services: Services) -> int:
    """The daily job of S8: close, delete and anonymise what has come to its day. Each account in its own transaction.

    Raises:
        LeftBehind: some could not be moved on; all the others were.
    """
    with services.work() as work:
        due = work.accounts.due(services.clock.today(), _MOST)
    return one_by_one("account", due, lambda login: close_if_due(services, login))


def close_if_due(services: Services, login: str) -> bool:
    """Take one account a step further on its way out, if that day has come; False when there was nothing to do."""
    today = services.clock.today()
    with services.work() as work:
        account = work.accounts.locked(login)
        now = services.clock.now()
        if account.closes_on and account.state == "resigning" and account.closes_on <= today:
            account.close(now, today + timedelta(days=services.rules.closing.delete_after_days))
            _end_what_is_on_its_way(services, work, account)
            decided(work, account)
            queue_account_mail(services, work, MailKind.CLOSED, account, "closed")
            work.audit.write(WORKER, AuditAction.ACCOUNT_CLOSED, account.reference, {"cause": account.closing_cause}, now)
        elif account.delete_on and account.state == "closed" and account.delete_on <= today:
            delete_now(services, work, account, account.closing_cause or ClosingCause.RESIGNATION, WORKER)
        elif account.anonymise_on and account.state == "deleted" and account.anonymise_on <= today:
            if account.keycloak_pending or any(mail.waits for mail in work.mails.of(account.reference)):
                return False  # Keycloak has not let go of the user, or the last answer is not out
            anonymise(services, work, account, WORKER)
        else:
            return False  # another worker was quicker
    return True


def _end_what_is_on_its_way(services: Services, work: Work, account: Account) -> None:
    void_passwords_on_their_way(services, work, account)
    void_waiting_mails(work, account.reference, *POINTLESS_AFTER_THE_END)


def anonymise(services: Services, work: Work, account: Account, by: Actor) -> None:
    """S8: the person goes out of every table; login, dates and answers stay, for the statistics."""
    references = [account.reference, *work.applications.added_to(account.login)]
    for reference in references:
        application = work.applications.get(reference, for_change=True)
        application.anonymise()
        work.applications.save(application)
    work.accounts.forget(account.login, references)
    account.anonymise()
    work.accounts.save(account)
    work.audit.write(by, AuditAction.ACCOUNT_ANONYMISED, account.reference, {"login": account.login}, services.clock.now())
