"""A customer files BOK-27 on the web (S1, S2), confirms the e-mail address, corrects it, adds the signed paper."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from provisioning.domain.actors import APPLICANT
from provisioning.domain.application import Application, Channel, SignatureKind, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.deadline import due_on
from provisioning.domain.document import Document
from provisioning.domain.errors import FieldError, Invalid, NotFound, NotPossible, TooSoon
from provisioning.domain.mail import MailKind, MailState
from provisioning.domain.rulebook import TermStart
from provisioning.form.check import Submission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.messages.mail_out import queue_mail, void_waiting_mails
from provisioning.use_cases.messages.unasked_mails import keep_within_budget
from provisioning.use_cases.tokens import is_confirmation_token, is_status_token, status_token


@dataclass(frozen=True)
class ConfirmationMail:
    """What the applicant may know about the confirmation mail; the address only as a hint."""

    state: MailState | None
    answer_at: str | None
    address_hint: str
    resend_in_seconds: int


def submit(services: Services, submission: Submission, *, idempotency_key: str, fingerprint: bytes, caller: str) -> dict[str, Any]:
    """File a web application: stored once for each idempotency key, unconfirmed until the address is proved.

    Raises:
        Invalid: `idempotency_key_reused` when the key came with another form before.
    """
    with services.work() as work:
        seen = work.idempotency.seen(caller, idempotency_key)
        if seen is not None:
            if seen[0] != fingerprint:
                raise Invalid([FieldError("Idempotency-Key", "idempotency_key_reused")])
            return _answer(services, work.applications.get(seen[1]["reference"]))
        application = new_application(services, work, submission)
        application.status = Status.UNCONFIRMED
        application.confirmation_nonce = secrets.token_bytes(32)
        application.confirmation_sent_at = services.clock.now()
        work.applications.add(application)
        keep_within_budget(
            services, work, queue_mail(services, work, MailKind.CONFIRM_EMAIL, application, application.confirmation_nonce.hex())
        )
        answer = _answer(services, application)
        work.idempotency.remember(caller, idempotency_key, fingerprint, {"reference": application.reference}, services.clock.now())
        work.audit.write(
            APPLICANT,
            AuditAction.APPLICATION_SUBMITTED,
            application.reference,
            {
                "channel": application.channel,
                "signature": (application.signature or {}).get("kind"),
                "form": application.form_version,
            },
            services.clock.now(),
        )
    return answer


def new_application(services: Services, work: Work, submission: Submission) -> Application:
    """An application with a fresh reference, not yet stored."""
    return _application(services, submission, work.applications.new_reference(services.clock.today().year))


def unsent_application(services: Services, submission: Submission) -> Application:
    """What is filled in and not filed: it has no number, and is printed to be signed."""
    return replace(_application(services, submission, ""), signature=None)


def _application(services: Services, submission: Submission, reference: str) -> Application:
    return Application(
        reference=reference,
        status=Status.FILED,
        channel=submission.channel,
        form_version=submission.form.version,
        terms_version=submission.form.terms_version,
        language=submission.language,
        customer_type=submission.customer_type,
        data=submission.data,
        pesel=submission.pesel,
        clauses=submission.clauses,
        terms_accepted=submission.terms_accepted,
        signature=submission.signature,
        received_at=services.clock.now(),
        nonce=secrets.token_bytes(32),
    )


def file_on(services: Services, application: Application, day: date) -> None:
    """The application counts as filed on this day: from here S4 runs."""
    application.filed_on = day
    application.filed_at = services.clock.now()
    application.completed_on = day
    set_term(services, application)


def set_term(services: Services, application: Application) -> None:
    """S4: derive the due date from the day that starts the term."""
    application.due_on = derived_term(services, application)


def derived_term(services: Services, application: Application) -> date | None:
    """S4: the due date by today's rules; None while the term has not begun."""
    rules, start = services.rules, term_starts_on(services, application)
    return due_on(start, rules.term_days, rules.term_unit, services.is_holiday) if start else None


def term_starts_on(services: Services, application: Application) -> date | None:
    """S4: the day from which the term is counted, as the utility has configured."""
    return application.completed_on if services.rules.term_start is TermStart.COMPLETE else application.filed_on


def confirm_email(services: Services, reference: str, token: str) -> Application:
    """The button behind the link in the confirmation mail: single use, 72 hours. Filing is this moment.

    Raises:
        NotFound: no such application, or the token is not its newest one.
        NotPossible: `already_confirmed`, `confirmation_expired` or `document_missing`.
    """
    with services.work() as work:
        application = _confirmable(services, work, reference, token, for_change=True)
        kind = (application.signature or {}).get("kind")
        application.email_confirmed_at = services.clock.now()
        application.confirmation_nonce = None
        if kind == SignatureKind.PAPER:
            application.version += 1  # filed only when staff record the paper
        else:
            application.move(Status.FILED)
            file_on(services, application, services.clock.today())
            queue_mail(services, work, MailKind.RECEIVED, application, "filed")
        work.applications.save(application)
        work.audit.write(
            APPLICANT, AuditAction.APPLICATION_EMAIL_CONFIRMED, reference, {"status": application.status}, services.clock.now()
        )
    return application


def look_at_confirmation(services: Services, reference: str, token: str) -> Application:
    """What the button behind this link would confirm; changes nothing, for programs open links too.

    Raises:
        NotFound, NotPossible: as `confirm_email`.
    """
    with services.work() as work:
        return _confirmable(services, work, reference, token)


def _confirmable(services: Services, work: Work, reference: str, token: str, *, for_change: bool = False) -> Application:
    application = work.applications.get(reference, for_change=for_change)
    if application.email_confirmed_at is not None and application.confirmation_nonce is None:
        raise NotPossible("already_confirmed", "The e-mail address is confirmed already.")
    if not is_confirmation_token(services, application, token):
        raise NotFound(reference)
    assert application.confirmation_sent_at is not None  # set together with the nonce
    if services.clock.now() - application.confirmation_sent_at > services.rules.email_confirmation_life:
        raise NotPossible("confirmation_expired", "The link has expired; ask for a new one on the status page.")
    if signed_document_missing(application, work.documents.of(reference)):
        raise NotPossible("document_missing", "Add the signed document first, on the status page.")
    return application


def signed_document_missing(application: Application, documents: list[Document]) -> bool:
    """Whether the file that was to carry the signature is still to come; one signed electronically was checked for it (U07)."""
    match (application.signature or {}).get("kind"):
        case SignatureKind.SCAN:
            return not documents
        case SignatureKind.ELECTRONIC:
            return not any(each.kind == SignatureKind.ELECTRONIC for each in documents)
    return False


def send_confirmation_again(services: Services, reference: str, token: str, email: str | None) -> ConfirmationMail:
    """Send the confirmation again, to a corrected address when one is given; the earlier link dies.

    Raises:
        NotFound: wrong reference or token. NotPossible: confirmed already.
        TooSoon: less than a minute ago, to the same address.
    """
    with services.work() as work:
        application = _by_status_token(services, work, reference, token, for_change=True)
        if application.status is not Status.UNCONFIRMED or application.email_confirmed_at is not None:
            raise NotPossible("already_confirmed", "The e-mail address is confirmed already.")
        corrected, earlier = email is not None and email != application.email, application.confirmation_nonce
        left = _resend_in(services, application)
        if left > 0 and not corrected:
            raise TooSoon(left)
        if email is not None:
            application.data = {**application.data, "email": email}
        application.confirmation_nonce = secrets.token_bytes(32)
        application.confirmation_sent_at = services.clock.now()
        application.version += 1
        mail = queue_mail(services, work, MailKind.CONFIRM_EMAIL, application, application.confirmation_nonce.hex())
        if keep_within_budget(services, work, mail) or corrected:
            void_waiting_mails(work, reference, MailKind.CONFIRM_EMAIL, besides=mail)  # the earlier link is dead
        else:
            application.confirmation_nonce = earlier  # no new link went out, so the one in their hands stays good
        work.applications.save(application)
        details = {"corrected": corrected}
        work.audit.write(APPLICANT, AuditAction.APPLICATION_CONFIRMATION_SENT_AGAIN, reference, details, services.clock.now())
        return _confirmation_mail(services, work, application)


def add_document(services: Services, reference: str, token: str, document: Document) -> None:
    """Add the signed scan, or what was missing. The content has been made harmless before.

    Raises:
        NotFound: wrong reference or token. NotPossible: decided already (`wrong_state`), or too many files.
    """
    with services.work() as work:
        application = _by_status_token(services, work, reference, token, for_change=True)
        if application.status not in (Status.UNCONFIRMED, Status.FILED, Status.IN_REVIEW, Status.INCOMPLETE):
            raise NotPossible("wrong_state", "The application has been decided.")
        if len(work.documents.of(reference)) >= 20:
            raise NotPossible("too_many_documents", "No more than 20 files can be added.")
        work.documents.add(document)
        application.version += 1
        work.applications.save(application)
        work.audit.write(
            APPLICANT,
            AuditAction.DOCUMENT_ADDED,
            reference,
            {"sha256": document.sha256, "type": document.media_type},
            services.clock.now(),
        )


def status_of(services: Services, reference: str, token: str) -> tuple[Application, ConfirmationMail]:
    """
    Raises:
        NotFound: wrong reference or token: the same answer.
    """
    with services.work() as work:
        application = _by_status_token(services, work, reference, token)
        return application, _confirmation_mail(services, work, application)


@dataclass(frozen=True)
class Completion:
    """What staff asked for, and whether something came since."""

    asked_at: datetime
    answered_at: datetime | None


def completion_of(work: Work, application: Application, documents: Sequence[Document]) -> Completion | None:
    """None while nothing is asked for."""
    if application.status is not Status.INCOMPLETE:
        return None
    asked = max(
        (mail.created_at for mail in work.mails.of(application.reference) if mail.kind is MailKind.INCOMPLETE),
        default=application.received_at,
    )
    came = [each.created_at for each in documents if each.created_at is not None and each.created_at > asked]
    return Completion(asked, max(came, default=None))


def _by_status_token(services: Services, work: Work, reference: str, token: str, *, for_change: bool = False) -> Application:
    application = work.applications.get(reference, for_change=for_change)
    if application.channel is not Channel.WEB or not is_status_token(services, application, token):
        raise NotFound(reference)
    return application


def _confirmation_mail(services: Services, work: Work, application: Application) -> ConfirmationMail:
    mails = [mail for mail in work.mails.of(application.reference) if mail.kind is MailKind.CONFIRM_EMAIL]
    newest = max(mails, key=lambda mail: mail.created_at, default=None)
    state, accepted_at = (newest.state, newest.accepted_at) if newest else (None, None)
    if newest is not None and state is MailState.SUPPRESSED:  # F13: who asked is told the same as if it had gone out
        state, accepted_at = MailState.ACCEPTED, newest.created_at
    return ConfirmationMail(
        state=state,
        answer_at=accepted_at.isoformat() if accepted_at else None,
        address_hint=masked_email(application.email),
        resend_in_seconds=_resend_in(services, application),
    )


def _resend_in(services: Services, application: Application) -> int:
    if application.confirmation_sent_at is None:
        return 0
    left = application.confirmation_sent_at + services.rules.confirmation_resend_pause - services.clock.now()
    return max(0, int(left.total_seconds() + 0.999))


def masked_email(address: str) -> str:
    """j•••@example.com: enough to recognise, too little to learn."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain}"


def _answer(services: Services, application: Application) -> dict[str, Any]:
    return {
        "reference": application.reference,
        "status": application.status.value,
        "status_token": status_token(services, application),
        "filed_at": application.filed_at.isoformat() if application.filed_at else None,
        "due_on": application.due_on.isoformat() if application.due_on else None,
        "version": application.version,
    }
