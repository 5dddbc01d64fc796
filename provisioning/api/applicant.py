"""What the portal calls for an applicant: the form, filing, the status, a forgotten password."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ibok_idp.texts import SOURCE, known_language
from provisioning.adapters.files.uploads import MAXIMUM_BYTES
from provisioning.adapters.pdf import blank_form
from provisioning.api.blueprint import SUBMIT, api, call
from provisioning.api.present import status_of_application
from provisioning.api.problems import field_errors, language
from provisioning.api.request import caller, idempotency_key, read_action, read_json, requires
from provisioning.api.schemas import (
    Accepted,
    EmailBody,
    EmailConfirmationBody,
    FormCheckBody,
    PasswordResetBody,
)
from provisioning.domain.application import Application, Status
from provisioning.domain.document import Document
from provisioning.domain.errors import FieldError, Invalid, NotFound, NotPossible, TooSoon
from provisioning.form.bodies import application_body
from provisioning.form.check import checked_email
from provisioning.form.questions import customer_types, questions
from provisioning.http import (
    UPLOAD_BYTES,
    pdf_response,
    wired,
)
from provisioning.use_cases.account.request_new_password import ask_for_new_password
from provisioning.use_cases.application import submit
from provisioning.use_cases.tokens import status_token


@api.get("/form")
@call("Form BOK-27 as it is today: version, kinds of customers, questions, clauses, Regulamin")
@requires(SUBMIT)
def get_form() -> dict[str, Any]:
    services = wired().services
    form = services.current_form(services.clock.today())
    return {
        "form_version": form.version,
        "terms_version": form.terms_version,
        "fields": sorted(application_body().model_fields),
        "customer_types": customer_types(),
        "questions": questions(services.rules),
        "clauses": [{"code": clause.code, "text": clause.text, "refusal": clause.refusal} for clause in form.clauses],
        "terms": form.terms,
        "privacy_notice": form.privacy_notice,
        "online_declaration": services.rules.online_declaration,
        "pesel_required": services.rules.pesel_required,
        "term_days": services.rules.term_days,
    }


@api.get("/form/blank.pdf")
@call(
    "The blank form BOK-27 for printing, from the same data, in the language `lang`", query=["lang"], media_type="application/pdf"
)
@requires(SUBMIT)
def get_blank_form() -> Response:
    services = wired().services
    wanted = known_language(request.args.get("lang", SOURCE))
    pdf = blank_form(
        services.current_form(services.clock.today()), wired().utility, wanted, pesel_required=services.rules.pesel_required
    )
    return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": 'attachment; filename="druk-bok-27.pdf"'})


@api.post("/form/check")
@call(
    "Some fields of a form that is filled page by page: errors, what is right as it would be stored, and an address that was "
    "probably meant; stores nothing",
    body=FormCheckBody,
)
@requires(SUBMIT)
def check_form() -> dict[str, Any]:
    body = read_action(FormCheckBody)
    page = wired().checker().page(body.application, body.only)
    return {"errors": field_errors(page.errors, language()), "stored": page.stored, "did_you_mean": page.did_you_mean}


@api.post("/form/draft.pdf")
@call(
    "The filled form without a number, to be printed and signed before it is sent; stores nothing",
    body=application_body,
    media_type="application/pdf",
)
@requires(SUBMIT)
def post_draft_pdf() -> Response:
    return pdf_response(submit.unsent_application(wired().services, wired().checker().draft(read_json())))


# -- applications, for the portal ----------------------------------------------------------------


@api.post("/applications")
@call(
    "File an application (S1, S2); needs Idempotency-Key",
    body=application_body,
    answer=201,
    raises=[NotPossible, TooSoon],
    headers=["Idempotency-Key"],
)
@requires(SUBMIT)
def post_application() -> tuple[dict[str, Any], int]:
    key = idempotency_key()
    body = read_json()
    submission = wired().checker().web(body)
    fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    answer = submit.submit(wired().services, submission, idempotency_key=key, fingerprint=fingerprint, caller=caller().client)
    return Accepted(**answer).model_dump(), 201


@api.post("/applications/<reference>/email-confirmation")
@call("The button behind the link of the confirmation mail", body=EmailConfirmationBody, raises=[NotPossible])
@requires(SUBMIT)
def post_email_confirmation(reference: str) -> dict[str, Any]:
    body = read_action(EmailConfirmationBody)
    return _confirmed(submit.confirm_email(wired().services, reference, body.token))


@api.post("/applications/<reference>/email-confirmation/check")
@call(
    "Whether the link of a confirmation mail is still good, and what its button would confirm; changes nothing",
    body=EmailConfirmationBody,
    raises=[NotPossible],
)
@requires(SUBMIT)
def post_email_confirmation_check(reference: str) -> dict[str, Any]:
    body = read_action(EmailConfirmationBody)
    return _confirmed(submit.look_at_confirmation(wired().services, reference, body.token))


@api.post("/applications/<reference>/documents")
@call(
    "Add a signed scan, or what was missing (multipart, field `file`)",
    answer=201,
    raises=[NotPossible],
    headers=["X-Status-Token"],
    file=["scan", "electronic", "attachment"],
)
@requires(SUBMIT)
def post_document(reference: str) -> tuple[dict[str, Any], int]:
    submit.status_of(wired().services, reference, _status_token())  # 404 before anything of the body is read
    document = _uploaded(reference)
    submit.add_document(wired().services, reference, _status_token(), document)
    return {"id": document.document_id, "sha256": document.sha256, "type": document.media_type}, 201


@api.post("/applications/<reference>/email")
@call(
    "Send the confirmation again, to a corrected address while unconfirmed",
    body=EmailBody,
    answer=202,
    raises=[NotPossible, TooSoon],
    headers=["X-Status-Token"],
)
@requires(SUBMIT)
def post_email(reference: str) -> tuple[dict[str, Any], int]:
    token = _status_token()
    body = read_action(EmailBody)
    email = checked_email(body.email) if body.email is not None else None
    mail = submit.send_confirmation_again(wired().services, reference, token, email)
    return _mail(mail), 202


@api.get("/applications/<reference>/form.pdf")
@call("The filled BOK-27 as PDF/UA", headers=["X-Status-Token"], media_type="application/pdf")
@requires(SUBMIT)
def get_form_pdf(reference: str) -> Response:
    application, _mail_state = submit.status_of(wired().services, reference, _status_token())
    return pdf_response(application)


@api.get("/applications/<reference>/status")
@call("Status and dates, no personal data", headers=["X-Status-Token"])
@requires(SUBMIT)
def get_status(reference: str) -> dict[str, Any]:
    application, mail = submit.status_of(wired().services, reference, _status_token())
    kind = (application.signature or {}).get("kind")
    with wired().services.work() as work:
        documents = work.documents.of(reference)
        completion = submit.completion_of(work, application, documents)
    return {
        **status_of_application(application),
        "received_at": application.received_at.isoformat(),
        "decided_at": application.decided_at.isoformat() if application.decided_at else None,
        "email_confirmed": application.email_confirmed_at is not None,
        "email_confirmed_at": application.email_confirmed_at.isoformat() if application.email_confirmed_at else None,
        "completion": {
            "asked_at": completion.asked_at.isoformat(),
            "answered_at": completion.answered_at.isoformat() if completion.answered_at else None,
        }
        if completion
        else None,
        "signature_kind": kind,
        "documents": len(documents),
        "document_missing": submit.signed_document_missing(application, documents),
        "reason": application.reason if application.status in (Status.INCOMPLETE, Status.REJECTED) else None,
        "number_added": application.added_to is not None,
        "confirmation_mail": _mail(mail),
    }


@api.post("/password-resets")
@call(
    "Ask for a new temporary password (S7); the answer is the same for every login",
    body=PasswordResetBody,
    answer=202,
    raises=[TooSoon],
)
@requires(SUBMIT)
def post_password_reset() -> tuple[dict[str, Any], int]:
    body = read_action(PasswordResetBody)
    ask_for_new_password(wired().services, body.login)
    return {}, 202


def _confirmed(application: Application) -> dict[str, Any]:
    """Whoever holds the newest confirmation link may also see the status page."""
    return {
        **status_of_application(application),
        "signature_kind": (application.signature or {}).get("kind"),
        "status_token": status_token(wired().services, application),
    }


def _status_token() -> str:
    token = request.headers.get("X-Status-Token", "")
    if not token or len(token) > 100:
        raise NotFound("status token")
    return token


def _uploaded(reference: str) -> Document:
    request.max_content_length = UPLOAD_BYTES
    if (request.content_length or 0) > request.max_content_length:
        raise RequestEntityTooLarge
    upload = request.files.get("file")
    if upload is None:
        raise Invalid([FieldError("file", "required")])
    kind = request.form.get("kind", "scan")
    if kind not in ("scan", "electronic", "attachment"):
        raise Invalid([FieldError("kind", "invalid_choice")])
    return wired().harmless(upload.filename or "", upload.read(MAXIMUM_BYTES + 1), kind, reference)


def _mail(mail: submit.ConfirmationMail) -> dict[str, Any]:
    return {
        "state": mail.state,
        "accepted_at": mail.answer_at,
        "address_hint": mail.address_hint,
        "resend_in_seconds": mail.resend_in_seconds,
    }
