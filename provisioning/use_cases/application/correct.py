"""Staff correct what was typed or filed wrongly: the old value stays in the audit, the form as filed in the evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application, Channel, CorrectedForm, SignatureKind
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.doubts import ScanCheck
from provisioning.domain.errors import FieldError, Invalid
from provisioning.domain.rights import Action, require_permission
from provisioning.form.check import Submission
from provisioning.ports.services import Services
from provisioning.use_cases.application.decide import required_reason
from provisioning.use_cases.application.submit import set_term

_NEEDS_WORDS = frozenset({"filed_on", "channel"})  # what moves the term (S4) or the right to a copy (S3)


def correct(
    services: Services, actor: Actor, reference: str, version: int, submission: Submission, reason: str | None = None
) -> Application:
    """Take the corrected form over, with kind of customer, language, channel and filing day; the term is derived again (S4).

    Of a web application the answers, the signature, the proved address and the moment of filing are the customer's: a
    form that says something else there is refused. Which version of the form was filed cannot be corrected.

    Args:
        reason: needed when filing day or channel change.

    Raises:
        Forbidden. NotFound. NotPossible: `stale_version`, `wrong_state`.
        Invalid: `nothing_changed`, `confirmed_by_customer`, `not_correctable`, or no reason where one is needed.
    """
    require_permission(actor.roles, Action.CORRECT)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        application.require_correctable(version)
        due_before = application.due_on
        changes = application.correct(version, _corrected(application, submission))
        if not changes:
            raise Invalid([FieldError("body", "nothing_changed")])
        fields = [change.field for change in changes]
        private: dict[str, Any] = {"changes": [asdict(change) for change in changes]}
        if not _NEEDS_WORDS.isdisjoint(fields):
            private["reason"] = required_reason(reason or submission.entry_reason)
        details: dict[str, Any] = {"fields": fields}
        if "filed_on" in fields:
            set_term(services, application)
            details["term"] = {"from": str(due_before), "to": str(application.due_on)}
        work.applications.save(application)
        work.cases.drop_scan_checks(reference, (ScanCheck.DATA, ScanCheck.CLAUSES))  # what was compared is not there any more
        work.audit.write(actor, AuditAction.APPLICATION_CORRECTED, reference, details, services.clock.now(), private=private)
    return application


def _corrected(application: Application, submission: Submission) -> CorrectedForm:
    refused = _refused(application, submission)
    if refused:
        raise Invalid(refused)
    web = application.channel is Channel.WEB
    mine = application if web else submission  # of a web application these are the customer's own
    return CorrectedForm(
        data=submission.data,
        pesel=submission.pesel,
        clauses=mine.clauses,
        terms_accepted=mine.terms_accepted,
        signature=mine.signature,
        customer_type=submission.customer_type,
        language=submission.language,
        channel=submission.channel,
        filed_on=submission.filed_on,
    )


def _refused(application: Application, submission: Submission) -> list[FieldError]:
    """What a correction says and cannot carry out; nothing that is sent is passed over in silence."""
    web, signature = application.channel is Channel.WEB, application.signature or {}
    found = []
    if submission.form.version != application.form_version:
        found.append(FieldError("form_version", "not_correctable"))
    if (submission.channel is Channel.WEB) != web:
        found.append(FieldError("channel", "not_correctable"))
    if not web:
        return found
    if submission.data["email"] != application.data["email"]:
        found.append(FieldError("email", "confirmed_by_customer"))
    if submission.clauses != application.clauses:
        found.append(FieldError("clauses", "confirmed_by_customer"))
    if submission.signature is not None and submission.signature["kind"] != signature.get("kind"):
        found.append(FieldError("signature", "confirmed_by_customer"))
    if submission.filed_on != application.filed_on and signature.get("kind") != SignatureKind.PAPER:
        found.append(FieldError("filed_on", "not_correctable"))  # the moment at which the address was proved
    return found
