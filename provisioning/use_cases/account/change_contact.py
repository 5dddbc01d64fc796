"""Telephone, correspondence address and language: changed at once, or asked of staff where the customer register owns them."""

from __future__ import annotations

import uuid
from typing import Any

from ibok_idp.texts import LANGUAGES
from provisioning.domain.account_records import ChangeRequest
from provisioning.domain.actors import CUSTOMER, Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.form.check import checked_contact
from provisioning.ports.services import Services
from provisioning.use_cases.account.wanted import decided
from provisioning.use_cases.application.decide import required_reason
from provisioning.use_cases.messages.mail_out import queue_account_mail


def change_contact(services: Services, login: str, wanted: dict[str, Any]) -> tuple[dict[str, Any], ChangeRequest | None]:
    """Take new contact data.

    Args:
        wanted: `phone` and/or `correspondence_address`, checked like those of the form.

    Returns:
        what was changed at once, and the request to staff for what the register owns.

    Raises:
        Invalid: every error found; nothing was changed.
        NotPossible: `too_many_requests` while five requests wait.
    """
    checked = checked_contact(wanted)
    asked = {name: value for name, value in checked.items() if name in services.rules.register_owns}
    at_once = {name: value for name, value in checked.items() if name not in asked}
    with services.work() as work:
        account = work.accounts.locked(login)
        now = services.clock.now()
        for name, value in at_once.items():
            setattr(account, name, value)
        if at_once:
            work.accounts.save(account)
            work.audit.write(
                CUSTOMER, AuditAction.ACCOUNT_CONTACT_CHANGED, account.reference, {"fields": sorted(at_once)}, now, private=at_once
            )
        request = None
        if asked:
            if sum(each.outcome is None for each in work.change_requests.of(login)) >= 5:
                raise NotPossible("too_many_requests", "Five requests wait for an answer already.")
            request = ChangeRequest(uuid.uuid4().hex, login, asked, now)
            work.change_requests.add(request)
            work.audit.write(
                CUSTOMER, AuditAction.ACCOUNT_CHANGE_ASKED, account.reference, {"fields": sorted(asked)}, now, private=asked
            )
    return at_once, request


def answer_change_request(services: Services, actor: Actor, request_id: str, *, done: bool, reason: str | None) -> ChangeRequest:
    """Staff have changed it in the customer register, or say why not; the customer is told.

    Raises:
        Forbidden. NotFound. Invalid: no reason for a refusal. NotPossible: `already_decided`.
    """
    require_permission(actor.roles, Action.ANSWER_CHANGE)
    words = None if done else required_reason(reason)
    with services.work() as work:
        request = work.change_requests.locked(request_id)
        if request.outcome is not None:
            raise NotPossible("already_decided", "This request has been answered.")
        account = work.accounts.locked(request.login)
        now = services.clock.now()
        request.outcome, request.answered_at, request.answered_by = "done" if done else "refused", now, actor.name
        work.change_requests.save(request)
        if done:
            for name, value in request.wanted.items():
                setattr(account, name, value)
            work.accounts.save(account)
        about = {"outcome": request.outcome, "reason": words}
        if account.email:
            queue_account_mail(services, work, MailKind.CHANGE_ANSWERED, account, request_id, about)
        details = {"outcome": request.outcome, "fields": sorted(request.wanted)}
        work.audit.write(actor, AuditAction.ACCOUNT_CHANGE_ANSWERED, account.reference, details, now, private={"reason": words})
    return request


def change_language(services: Services, login: str, language: str) -> None:
    """The language of mails and of Keycloak's pages.

    Raises:
        Invalid: not one of the languages of the product.
    """
    if language not in LANGUAGES:
        raise Invalid([FieldError("language", "invalid_choice")])
    with services.work() as work:
        account = work.accounts.locked(login)
        account.language = language
        decided(work, account)
        work.audit.write(
            CUSTOMER, AuditAction.ACCOUNT_LANGUAGE_CHANGED, account.reference, {"language": language}, services.clock.now()
        )
