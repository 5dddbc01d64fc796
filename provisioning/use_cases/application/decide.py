"""Staff check and decide: one decision an application, whatever happens at the same moment."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from ibok_idp.temporary_password import new_nonce
from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.actors import Actor
from provisioning.domain.application import Application, RejectedFor, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.doubts import Doubt
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.free_text import LONGEST_REASON, free_text
from provisioning.domain.login_names import new_login
from provisioning.domain.mail import MailKind
from provisioning.domain.person_names import account_name
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.wanted import activation_mail, decided
from provisioning.use_cases.application.doubts import Looked, doubts, look_at
from provisioning.use_cases.application.submit import set_term
from provisioning.use_cases.messages.mail_out import queue_account_mail, queue_mail

_WRITING = (AuditAction.APPLICATION_ENTERED, AuditAction.APPLICATION_CORRECTED, AuditAction.APPLICATION_PAPER_RECORDED)


def approve(services: Services, actor: Actor, reference: str, version: int, reason: str | None = None) -> Application:
    """S4: ONE transaction holds the decision, the audit line, the reserved login and the deferred job.

    Args:
        reason: needed over any doubt (domain/doubts.py): late, alike, not as in the register, not as on the scan.

    Raises:
        Forbidden: not a registrar.
        Invalid: decided without a reason that is needed.
        NotPossible: `stale_version`, `wrong_state`, `clauses_not_accepted` (S2), `terms_not_accepted`,
            `signature_missing`, `doubt_forbidden` by the utility, `four_eyes` when the utility wants two people and this one wrote a part of it.
    """
    require_permission(actor.roles, Action.APPROVE)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        words, over = _take_approval(services, work, actor, application, version, reason, look_at(services, work, application))
        login = _reserve_login(services, work, reference)
        first_name, last_name = (account_name(each) for each in application.contact_person)
        account = Account(
            login=login,
            reference=reference,
            state=AccountState.AWAITING_FIRST_LOGIN,
            created_at=services.clock.now(),
            email=application.email,
            first_name=first_name,
            last_name=last_name,
            language=application.language,
            phone=application.data.get("phone"),
            correspondence_address=application.data.get("correspondence_address"),
            customer_numbers=[application.data["customer_number"]],
            nonce=new_nonce(),
            nonce_key=services.keys.key_id,
        )
        work.accounts.add(account)
        work.mails.add(activation_mail(services, account))
        work.applications.save(application)
        work.queue.keep(login)
        details = {"login": login, **over}
        private = {"reason": words} if words else None
        work.audit.write(actor, AuditAction.APPLICATION_APPROVED, reference, details, services.clock.now(), private=private)
        services.seam("approve.before_commit")
    services.seam("approve.after_commit")
    return application


def add_to_account(
    services: Services, actor: Actor, reference: str, version: int, login: str, reason: str | None = None
) -> Application:
    """One person may hold several customer numbers: the number of this application goes to an account they have already.

    The same checks as an approval (S2); no new login and no new password. A reason is needed when it is late, or when
    another application or account is like it too.

    Raises:
        Forbidden. NotFound. NotPossible: as `approve`, `account_not_alike` when the account shares nothing with the
            application, `account_not_live` when it is closed or being closed, `number_on_account`.
    """
    require_permission(actor.roles, Action.ADD_TO_ACCOUNT)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        looked = look_at(services, work, application)
        if login not in {each.login for each in looked.alike}:
            raise NotPossible(
                "account_not_alike", "This account shares neither PESEL, NIP, number nor e-mail with the application."
            )
        account = work.accounts.locked(login)
        if account.state not in (AccountState.AWAITING_FIRST_LOGIN, AccountState.ACTIVE, AccountState.SUSPENDED):
            raise NotPossible("account_not_live", "This account is being closed; make a new one.")
        number = application.data["customer_number"]
        if number in account.customer_numbers:
            raise NotPossible("number_on_account", "The account has this customer number already.")
        words, over = _take_approval(services, work, actor, application, version, reason, looked, besides=account.login)
        application.move(Status.REGISTERED)
        application.added_to = account.login
        account.customer_numbers = [*account.customer_numbers, number]
        decided(work, account)
        work.applications.save(application)
        now = services.clock.now()
        queue_account_mail(services, work, MailKind.NUMBER_ADDED, account, reference, {"customer_number": number})
        details = {"login": account.login, **over}
        private = {"reason": words} if words else None
        work.audit.write(actor, AuditAction.APPLICATION_ADDED_TO_ACCOUNT, reference, details, now, private=private)
        work.audit.write(actor, AuditAction.ACCOUNT_NUMBER_ADDED, account.reference, {"from": reference}, now)
    return application


def lacks_second_person(services: Services, work: Work, actor: Actor, application: Application) -> bool:
    """S04, where the utility wants two people: whoever typed in, corrected or recorded the paper has written what is approved."""
    if not services.rules.four_eyes:
        return False
    return application.entered_by == actor.name or actor.name in work.audit.actors(application.reference, _WRITING)


def _take_approval(
    services: Services,
    work: Work,
    actor: Actor,
    application: Application,
    version: int,
    reason: str | None,
    looked: Looked,
    *,
    besides: str | None = None,
) -> tuple[str | None, dict[str, Any]]:
    """What every approval has in common; returns the reason that was needed, and over which doubts it was, for the audit."""
    if lacks_second_person(services, work, actor, application):
        raise NotPossible("four_eyes", "Who typed a part of the application in cannot approve it.")
    application.move(Status.APPROVED, version)
    application.require_approvable(services.forms[application.form_version].codes)  # S2
    found = doubts(services, application, looked, besides)
    if found & services.rules.forbidden:
        raise NotPossible("doubt_forbidden", f"Not to be approved: {', '.join(sorted(found & services.rules.forbidden))}.")
    words = required_reason(reason) if found else None
    _decided(services, application, actor, None)
    over: dict[str, Any] = {"over": sorted(found)} if found else {}
    if Doubt.LATE in found and application.due_on is not None:
        over["days_late"] = (services.clock.today() - application.due_on).days
    return words, over


def reject(
    services: Services,
    actor: Actor,
    reference: str,
    version: int,
    reason: str | None,
    *,
    silent: bool = False,
    rejected_for: RejectedFor = RejectedFor.OTHER,
) -> Application:
    """Reject with a reason, which goes to the applicant; a silent one stays in the file alone and no mail goes out.

    Args:
        rejected_for: the kind of reason, for the manager's numbers.

    Raises:
        Forbidden. Invalid: no reason. NotPossible: `stale_version`, `wrong_state`.
    """
    words = required_reason(reason)

    def change(work: Work, application: Application) -> None:
        application.move(Status.REJECTED, version)
        application.rejected_for = rejected_for
        _decided(services, application, actor, words)
        if not silent:
            queue_mail(services, work, MailKind.REJECTED, application, "rejected")

    return _step(services, actor, Action.REJECT, reference, change, AuditAction.APPLICATION_REJECTED, words)


def request_completion(services: Services, actor: Actor, reference: str, version: int, reason: str | None) -> Application:
    """Ask the applicant for what is missing; the reason is what the mail says.

    Raises:
        Forbidden. Invalid: no reason. NotPossible: `stale_version`, `wrong_state`.
    """
    words = required_reason(reason)

    def change(work: Work, application: Application) -> None:
        application.move(Status.INCOMPLETE, version)
        application.reason = words
        application.completed_on = None
        queue_mail(services, work, MailKind.INCOMPLETE, application, f"incomplete:{application.version}")

    return _step(services, actor, Action.REQUEST_COMPLETION, reference, change, AuditAction.APPLICATION_INCOMPLETE, words)


def complete(services: Services, actor: Actor, reference: str, version: int) -> Application:
    """What was missing has come: back to checking.

    Raises:
        Forbidden. NotPossible: `stale_version`, `wrong_state`.
    """

    def change(_work: Work, application: Application) -> None:
        application.move(Status.IN_REVIEW, version)
        application.reason = None
        application.completed_on = services.clock.today()
        set_term(services, application)

    return _step(services, actor, Action.COMPLETE, reference, change, AuditAction.APPLICATION_COMPLETED, None)


def review(services: Services, actor: Actor, reference: str, version: int) -> Application:
    """Take into checking.

    Raises:
        Forbidden. NotPossible: `stale_version`, `wrong_state`.
    """

    def change(_work: Work, application: Application) -> None:
        application.move(Status.IN_REVIEW, version)

    return _step(services, actor, Action.REVIEW, reference, change, AuditAction.APPLICATION_IN_REVIEW, None)


def withdraw(services: Services, actor: Actor, reference: str, version: int, reason: str | None) -> Application:
    """The applicant withdraws.

    Raises:
        Forbidden. NotPossible: `stale_version`, `wrong_state`.
    """

    def change(_work: Work, application: Application) -> None:
        application.move(Status.WITHDRAWN, version)
        application.confirmation_nonce = None
        _decided(services, application, actor, reason)

    return _step(services, actor, Action.WITHDRAW, reference, change, AuditAction.APPLICATION_WITHDRAWN, reason)


def _step(
    services: Services,
    actor: Actor,
    action: Action,
    reference: str,
    change: Callable[[Work, Application], None],
    audited_as: AuditAction,
    reason: str | None,
) -> Application:
    require_permission(actor.roles, action)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        change(work, application)
        work.applications.save(application)
        private = {"reason": reason} if reason else None
        work.audit.write(actor, audited_as, reference, {}, services.clock.now(), private=private)
    return application


def _decided(services: Services, application: Application, actor: Actor, reason: str | None) -> None:
    application.decided_at, application.decided_by, application.reason = services.clock.now(), actor.name, reason


def _reserve_login(services: Services, work: Work, reference: str) -> str:
    """S4: a unique login, taken from a table that never gives one out twice, also after deletion."""
    while True:
        login = new_login(services.rules.login_prefix, services.rules.login_random_digits, secrets.randbelow)
        if work.accounts.reserve_login(login, reference, services.clock.now()):
            return login


def required_reason(reason: str | None) -> str:
    """
    Raises:
        Invalid: none was given, more than 2000 characters, or control characters among them.
    """
    words = free_text("reason", reason, LONGEST_REASON)
    if words is None:
        raise Invalid([FieldError("reason", "required")])
    return words
