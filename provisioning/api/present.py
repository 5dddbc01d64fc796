"""Applications and accounts as JSON: no secrets, PESEL masked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from provisioning.domain.account import Account
from provisioning.domain.application import CLOSED, Application
from provisioning.domain.deadline import urgency
from provisioning.ports import AuditEntry, Document, Mail, QueuePage


def masked_pesel(pesel: str | None) -> str | None:
    """The last three digits."""
    return f"••••••••{pesel[-3:]}" if pesel else None


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


def details(
    application: Application,
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
            {"id": d.document_id, "name": d.name, "type": d.media_type, "sha256": d.sha256, "kind": d.kind} for d in documents
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
        "email": application.email,
        "phone": application.data["phone"],
        "pesel": masked_pesel(application.pesel),
        "tax_id": application.data.get("tax_id"),
        "language": application.language,
        "customer_numbers": [
            {
                "customer_number": application.data["customer_number"],
                "contract_number": application.data["contract_number"],
                "supply_point_address": application.data["supply_point_address"],
            }
        ],
        "correspondence_address": application.data["correspondence_address"],
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


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
