"""Applications and accounts as JSON: no secrets, PESEL masked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from provisioning.domain.account import Account
from provisioning.domain.account_records import AccountEvent, ChangeRequest
from provisioning.domain.account_states import AccountState, ClosingCause
from provisioning.domain.application import CLOSED, Application, masked_pesel
from provisioning.domain.audit_chain import AuditEntry
from provisioning.domain.clauses import FormVersion
from provisioning.domain.deadline import urgency
from provisioning.domain.desk import QueuePage, ScanChecked
from provisioning.domain.document import Document
from provisioning.domain.doubts import Doubt
from provisioning.domain.email_change import EmailChange
from provisioning.domain.mail import Mail
from provisioning.domain.rulebook import ClosingRules, Rulebook
from provisioning.domain.terms import TermsAnswer


def summary(application: Application, today: date) -> dict[str, Any]:
    """One row of the queue."""
    return {
        "reference": application.reference,
        "status": application.status,
        "channel": application.channel,
        "applicant": application.applicant,
        "customer_number": application.data["customer_number"],
        "filed_on": _day(application.filed_on),
        "due_on": _day(application.due_on),
        "days_left": (application.due_on - today).days if application.due_on else None,
        "urgency": urgency(application.due_on, today, closed=application.status in CLOSED),
        "version": application.version,
    }


def page(found: QueuePage, today: date) -> dict[str, Any]:
    return {
        "items": [summary(each, today) for each in found.applications],
        "next_cursor": found.next_cursor,
        "counts": {status.value: count for status, count in found.counts.items()},
    }


def scan_checks(checks: list[ScanChecked]) -> list[dict[str, Any]]:
    return [{"what": each.what, "by": each.checked_by, "at": _moment(each.checked_at)} for each in checks]


def details(
    application: Application,
    doubts: frozenset[Doubt],
    checks: list[ScanChecked],
    account: Account | None,
    mails: list[Mail],
    documents: list[Document],
    history: list[AuditEntry],
    today: date,
) -> dict[str, Any]:
    """Everything staff may see of one application."""
    return {
        **summary(application, today),
        **application.data,
        "pesel": masked_pesel(application.pesel),
        "customer_type": application.customer_type,
        "language": application.language,
        "form_version": application.form_version,
        "terms_version": application.terms_version,
        "terms_accepted": application.terms_accepted,
        "clauses": application.clauses,
        "signature": application.signature,
        "received_at": _moment(application.received_at),
        "filed_at": _moment(application.filed_at),
        "completed_on": _day(application.completed_on),
        "email_confirmed_at": _moment(application.email_confirmed_at),
        "decided_at": _moment(application.decided_at),
        "decided_by": application.decided_by,
        "reason": application.reason,
        "entered_by": application.entered_by,
        "doubts": sorted(doubts),
        "scan_checks": scan_checks(checks),
        "account": account_details(account) if account else None,
        "mails": [
            {
                "kind": m.kind,
                "to": m.recipient,
                "state": m.state,
                "answer": m.answer,
                "attempts": m.attempts,
                "accepted_at": _moment(m.accepted_at),
            }
            for m in mails
        ],
        "documents": [
            {
                "id": d.document_id,
                "name": d.name,
                "type": d.media_type,
                "sha256": d.sha256,
                "kind": d.kind,
                "signatures": [{**vars(s), "signed_at": _moment(s.signed_at)} for s in d.signatures],
            }
            for d in documents
        ],
        "history": [entry(each) for each in history],
    }


def account_details(account: Account) -> dict[str, Any]:
    return {
        "login": account.login,
        "state": account.state,
        "step": account.step,
        "trouble": account.trouble,
        "next_attempt_at": _moment(account.next_attempt_at),
        "mail_accepted_at": _moment(account.mail_accepted_at),
        "password_expires_at": _moment(account.password_expires_at),
        "activated_at": _moment(account.activated_at),
        "email": account.email,
        "phone": account.phone,
        "language": account.language,
        "customer_numbers": account.customer_numbers,
        "closing_cause": account.closing_cause,
        "closes_on": _day(account.closes_on),
        "delete_on": _day(account.delete_on),
        "anonymise_on": _day(account.anonymise_on),
        "keycloak_pending": account.keycloak_pending,
        "address_in_doubt": account.address_doubt_at is not None,
    }


def entry(line: AuditEntry) -> dict[str, Any]:
    return {
        "number": line.number,
        "at": _moment(line.at),
        "actor": line.actor,
        "roles": list(line.roles),
        "action": line.action,
        "subject": line.subject,
        "details": line.details,
        "previous_hash": line.previous_hash,
        "hash": line.hash,
    }


def own_account(account: Account, application: Application) -> dict[str, Any]:
    """`GET /me`: what customers see of themselves."""
    return {
        "login": account.login,
        "state": account.state,
        "name": application.applicant,
        "email": account.email,
        "phone": account.phone,
        "pesel": masked_pesel(application.pesel),
        "tax_id": application.data.get("tax_id"),
        "language": account.language,
        "customer_numbers": [
            {
                "customer_number": number,
                "contract_number": application.data["contract_number"] if number == application.data["customer_number"] else None,
                "supply_point_address": (
                    application.data["supply_point_address"] if number == application.data["customer_number"] else None
                ),
            }
            for number in account.customer_numbers
        ],
        "correspondence_address": account.correspondence_address,
        "created_at": _moment(account.created_at),
        "activated_at": _moment(account.activated_at),
        "application": {
            "reference": application.reference,
            "filed_on": _day(application.filed_on),
            "approved_at": _moment(application.decided_at),
            "channel": application.channel,
        },
        "accepted": {
            "form_version": application.form_version,
            "terms_version": application.terms_version,
            "clauses": sorted(code for code, yes in application.clauses.items() if yes),
            "accepted_at": _moment(application.received_at),
        },
    }


def terms_versions(application: Application, answers: list[TermsAnswer]) -> list[str]:
    """Every Regulamin this customer has accepted, oldest first."""
    return [application.terms_version, *(answer.terms_version for answer in answers if answer.accepted)]


def own_terms(application: Application, answers: list[TermsAnswer], pending: FormVersion | None) -> dict[str, Any]:
    return {
        "accepted": terms_versions(application, answers)[-1],
        "answers": [{"terms_version": a.terms_version, "accepted": a.accepted, "at": _moment(a.at)} for a in answers],
        "pending": {"terms_version": pending.terms_version, "valid_from": _day(pending.valid_from)} if pending else None,
    }


def own_resignation(account: Account, rules: ClosingRules) -> dict[str, Any]:
    """Where a resignation stands, and what one would mean."""
    by_customer = account.closing_cause in (ClosingCause.RESIGNATION, ClosingCause.TERMS_REFUSED)
    return {
        "running": account.state is AccountState.RESIGNING,
        "closes_on": _day(account.closes_on),
        "cause": account.closing_cause,
        "withdrawable": account.state is AccountState.RESIGNING and rules.withdrawable and by_customer,
        "days": rules.resignation_days,
        "delete_after_days": rules.delete_after_days,
        "retention_days": rules.retention_days,
        "may_be_withdrawn": rules.withdrawable,
    }


def own_email_change(changes: list[EmailChange], rules: Rulebook, now: datetime) -> dict[str, Any] | None:
    """A change that waits for its confirmation."""
    waiting = next((each for each in changes if each.nonce is not None), None)
    if waiting is None or now - waiting.asked_at > rules.email_confirmation_life:
        return None
    return {"new_email": waiting.new_email, "asked_at": _moment(waiting.asked_at)}


def change_request(request: ChangeRequest) -> dict[str, Any]:
    return {
        "id": request.request_id,
        "wanted": request.wanted,
        "asked_at": _moment(request.asked_at),
        "outcome": request.outcome,
        "answered_at": _moment(request.answered_at),
    }


def login_event(event: AccountEvent) -> dict[str, Any]:
    return {"at": _moment(event.at), "kind": event.kind, "address": event.address, "password": event.details.get("password")}


def own_mail(mail: Mail) -> dict[str, Any]:
    return {"kind": mail.kind, "to": mail.recipient, "created_at": _moment(mail.created_at), "state": mail.state}


def filed(application: Application) -> dict[str, Any]:
    """The application as filed, for the customer's own export; PESEL masked as everywhere (S12)."""
    return {
        **application.data,
        "pesel": masked_pesel(application.pesel),
        "customer_type": application.customer_type,
        "clauses": application.clauses,
        "terms_version": application.terms_version,
        "form_version": application.form_version,
        "signature": application.signature,
    }


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def status_of_application(application: Application) -> dict[str, Any]:
    """What the applicant and whoever decided may know of where it stands."""
    return {
        "reference": application.reference,
        "status": application.status,
        "filed_at": application.filed_at.isoformat() if application.filed_at else None,
        "filed_on": application.filed_on.isoformat() if application.filed_on else None,
        "due_on": application.due_on.isoformat() if application.due_on else None,
        "version": application.version,
    }
