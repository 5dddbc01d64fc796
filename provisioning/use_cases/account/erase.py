"""Requests to erase personal data (GDPR art. 17): entered, decided with a legal ground, answered; on their own clock."""

from __future__ import annotations

import uuid
from datetime import date

from provisioning.domain.account_states import ClosingCause
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.deadline import one_month_after
from provisioning.domain.erasure import ErasureDecision, ErasureRequest
from provisioning.domain.errors import FieldError, Invalid
from provisioning.domain.free_text import LONGEST_REASON, free_text
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.use_cases.account.resign import delete_now
from provisioning.use_cases.messages.mail_out import queue_account_mail


def enter_erasure_request(services: Services, actor: Actor, login: str, received_on: date, channel: str) -> ErasureRequest:
    """Write a request down; it must be answered within one month.

    Raises:
        Forbidden. NotFound. Invalid: received in the future.
    """
    require_permission(actor.roles, Action.ENTER_ERASURE)
    if received_on > services.clock.today():
        raise Invalid([FieldError("received_on", "filed_on_in_future")])
    with services.work() as work:
        account = work.accounts.locked(login)
        request = ErasureRequest(
            request_id=uuid.uuid4().hex,
            login=account.login,
            received_on=received_on,
            due_on=one_month_after(received_on, services.is_holiday),
            channel=channel,
            entered_by=actor.name,
            created_at=services.clock.now(),
        )
        work.erasures.add(request)
        details = {"received_on": received_on.isoformat(), "due_on": request.due_on.isoformat()}
        work.audit.write(actor, AuditAction.ERASURE_ENTERED, account.reference, details, services.clock.now())
    return request


def decide_erasure(
    services: Services, actor: Actor, request_id: str, decision: ErasureDecision, ground: str | None
) -> ErasureRequest:
    """Decide and answer. The answer is written before anything goes, to the address the account has now.

    Raises:
        Forbidden. NotFound. Invalid: the ground is too long or has control characters.
        NotPossible: `already_decided`, `ground_missing`.
    """
    require_permission(actor.roles, Action.DECIDE_ERASURE)
    words = free_text("ground", ground, LONGEST_REASON)
    with services.work() as work:
        request = work.erasures.locked(request_id)
        request.decide(decision, words, actor.name, services.clock.now())
        work.erasures.save(request)
        account = work.accounts.locked(request.login)
        about = {"decision": decision.value, "ground": words, "received_on": request.received_on.isoformat()}
        if account.email:
            queue_account_mail(services, work, MailKind.ERASURE_ANSWERED, account, request_id, about)
        details = {"decision": decision, "request": request_id}
        work.audit.write(
            actor, AuditAction.ERASURE_DECIDED, account.reference, details, services.clock.now(), private={"reason": words}
        )
        if decision is not ErasureDecision.REFUSED and not account.must_be_gone:
            delete_now(services, work, account, ClosingCause.ERASURE, actor)
        if decision is ErasureDecision.ERASED:
            account.anonymise_on = services.clock.today()  # as soon as the answer is out and Keycloak has let go
            work.accounts.save(account)
    return request
