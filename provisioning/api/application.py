"""The calls of `/api/v1`. Each view reads, calls one use case, and shows the outcome; rules live elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from provisioning.adapters.files.uploads import MAXIMUM_BYTES
from provisioning.adapters.pdf import blank_form, filled_form
from provisioning.api import present
from provisioning.api.problems import field_errors, language
from provisioning.api.request import actor, caller, idempotency_key, json_body, read_action, read_json, requires
from provisioning.api.schemas import (
    Accepted,
    ActionBody,
    AddToAccountBody,
    ApproveManyBody,
    AssignBody,
    CorrectionBody,
    EmailBody,
    EmailConfirmationBody,
    FormCheckBody,
    PaperBody,
    PasswordResetBody,
    RejectBody,
)
from provisioning.domain.actors import Actor
from provisioning.domain.application import Action, Application, Channel, Role, Status, require_permission
from provisioning.domain.desk import QueueFilter, QueueSort
from provisioning.domain.document import Document
from provisioning.domain.errors import FieldError, Invalid, NotFound
from provisioning.domain.login_names import normalised
from provisioning.form.bodies import application_body, paper_application_body
from provisioning.form.check import checked_email
from provisioning.form.questions import customer_types, questions
from provisioning.use_cases.account.request_new_password import ask_for_new_password
from provisioning.use_cases.application import decide, register_paper, submit
from provisioning.use_cases.application.add_scans import add_scans
from provisioning.use_cases.application.approve_together import approve_together
from provisioning.use_cases.application.correct import correct
from provisioning.use_cases.application.evidence_pack import evidence_pack
from provisioning.use_cases.application.hand_over_copy import hand_over_copy
from provisioning.use_cases.desk.work_on_case import assign
from provisioning.wiring import Wired

api = APIBlueprint("api", __name__, url_prefix="/api/v1")
SUBMIT = "applications.submit"
CUSTOMER = "ibok-customer"
STAFF = tuple(role.value for role in Role)
_MULTIPART_OVERHEAD = 64 * 2**10


def wired() -> Wired:
    found: Wired = current_app.extensions["ibok_wired"]
    return found


# -- the form ------------------------------------------------------------------------------------


@api.get("/form")
@api.doc(summary="Form BOK-27 as it is today: version, kinds of customers, questions, clauses, Regulamin", security="token")
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
@api.doc(summary="The blank form BOK-27 for printing, from the same data; `lang` pl or en", security="token")
@requires(SUBMIT)
def get_blank_form() -> Response:
    services = wired().services
    wanted = "en" if request.args.get("lang") == "en" else "pl"
    pdf = blank_form(
        services.current_form(services.clock.today()), wired().utility, wanted, pesel_required=services.rules.pesel_required
    )
    return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": 'attachment; filename="druk-bok-27.pdf"'})


@api.post("/form/check")
@api.doc(summary="The errors of some fields, for a form that is filled page by page; stores nothing", security="token")
@json_body(FormCheckBody)
@requires(SUBMIT)
def check_form() -> dict[str, Any]:
    body = read_action(FormCheckBody)
    return {"errors": field_errors(wired().checker().errors(body.application, body.only), language())}


# -- applications, for the portal ----------------------------------------------------------------


@api.post("/applications")
@api.doc(summary="File an application (S1, S2); needs Idempotency-Key", security="token")
@json_body(application_body)
@requires(SUBMIT)
def post_application() -> tuple[dict[str, Any], int]:
    key = idempotency_key()
    body = read_json()
    submission = wired().checker().web(body)
    fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    answer = submit.submit(wired().services, submission, idempotency_key=key, fingerprint=fingerprint, caller=caller().client)
    return Accepted(**answer).model_dump(), 201


@api.post("/applications/<reference>/email-confirmation")
@api.doc(summary="The button behind the link of the confirmation mail", security="token")
@json_body(EmailConfirmationBody)
@requires(SUBMIT)
def post_email_confirmation(reference: str) -> dict[str, Any]:
    body = read_action(EmailConfirmationBody)
    return _status(submit.confirm_email(wired().services, reference, body.token))


@api.post("/applications/<reference>/documents")
@api.doc(summary="Add a signed scan, or what was missing (multipart, field `file`)", security="token")
@requires(SUBMIT)
def post_document(reference: str) -> tuple[dict[str, Any], int]:
    submit.status_of(wired().services, reference, _status_token())  # 404 before anything of the body is read
    document = _uploaded(reference)
    submit.add_document(wired().services, reference, _status_token(), document)
    return {"id": document.document_id, "sha256": document.sha256, "type": document.media_type}, 201


@api.post("/applications/<reference>/email")
@api.doc(summary="Send the confirmation again, to a corrected address while unconfirmed", security="token")
@json_body(EmailBody)
@requires(SUBMIT)
def post_email(reference: str) -> tuple[dict[str, Any], int]:
    token = _status_token()
    body = read_action(EmailBody)
    email = checked_email(body.email) if body.email is not None else None
    mail = submit.send_confirmation_again(wired().services, reference, token, email)
    return _mail(mail), 202


@api.get("/applications/<reference>/form.pdf")
@api.doc(summary="The filled BOK-27 as PDF/UA", security="token")
@requires(SUBMIT)
def get_form_pdf(reference: str) -> Response:
    application, _mail_state = submit.status_of(wired().services, reference, _status_token())
    return pdf_response(application)


@api.get("/applications/<reference>/status")
@api.doc(summary="Status and dates, no personal data", security="token")
@requires(SUBMIT)
def get_status(reference: str) -> dict[str, Any]:
    application, mail = submit.status_of(wired().services, reference, _status_token())
    kind = (application.signature or {}).get("kind")
    with wired().services.work() as work:
        documents = work.documents.of(reference)
    return {
        **_status(application),
        "received_at": application.received_at.isoformat(),
        "decided_at": application.decided_at.isoformat() if application.decided_at else None,
        "email_confirmed": application.email_confirmed_at is not None,
        "signature_kind": kind,
        "documents": len(documents),
        "document_missing": submit.signed_document_missing(application, documents),
        "reason": application.reason if application.status in (Status.INCOMPLETE, Status.REJECTED) else None,
        "number_added": application.added_to is not None,
        "confirmation_mail": _mail(mail),
    }


@api.post("/password-resets")
@api.doc(summary="Ask for a new temporary password (S7); the answer is the same for every login", security="token")
@json_body(PasswordResetBody)
@requires(SUBMIT)
def post_password_reset() -> tuple[dict[str, Any], int]:
    body = read_action(PasswordResetBody)
    ask_for_new_password(wired().services, body.login)
    return {}, 202


# -- staff ---------------------------------------------------------------------------------------


@api.get("/staff/applications")
@api.doc(summary="The queue, nearest term first; `counts` are counted to 1000 at the most", security="token")
@requires(*STAFF)
def get_applications() -> dict[str, Any]:
    services = wired().services
    with services.work() as work:
        found = work.applications.page(queue_filter(dict(request.args.items()), request.args.getlist("status")))
    return present.page(found, services.clock.today())


@api.post("/staff/applications")
@api.doc(summary="Type in a paper or e-mailed application (S1)", security="token")
@json_body(paper_application_body)
@requires(Role.CLERK, Role.REGISTRAR)
def post_paper_application() -> tuple[dict[str, Any], int]:
    submission = wired().checker().paper(read_json())
    application = register_paper.register_paper(wired().services, actor(), submission)
    return _status(application), 201


@api.get("/staff/applications/<reference>")
@api.doc(summary="Everything of one application, PESEL masked", security="token")
@requires(*STAFF)
def get_application(reference: str) -> dict[str, Any]:
    services = wired().services
    with services.work() as work:
        return present.details(
            work.applications.get(reference),
            work.accounts.by_reference(reference),
            work.mails.of(reference),
            work.documents.of(reference),
            work.audit.of(reference),
            services.clock.today(),
        )


def _staff_action(
    action: Action, act: Callable[[str, Any], Application], summary: str, body: type[ActionBody] = ActionBody
) -> None:
    """One route a decision; the role table is asked by the use case and, for the quick 403, here."""

    @requires(*STAFF)
    def view(reference: str) -> dict[str, Any]:
        require_permission(caller().roles, action)
        return _status(act(reference, read_action(body)))

    view.__name__ = f"post_{action.name.lower()}"
    documented = api.doc(summary=summary, security="token")(json_body(body)(view))
    api.post(f"/staff/applications/<reference>/{action.value}")(documented)


_staff_action(
    Action.APPROVE,
    lambda r, b: decide.approve(wired().services, actor(), r, b.version, b.reason),
    "Approve (S4): login, account and mail follow; after the due date with a reason",
)
_staff_action(
    Action.REJECT,
    lambda r, b: decide.reject(wired().services, actor(), r, b.version, b.reason, silent=b.silent, rejected_for=b.rejected_for),
    "Reject, with a reason; silent: no mail goes out",
    RejectBody,
)
_staff_action(
    Action.REQUEST_COMPLETION,
    lambda r, b: decide.request_completion(wired().services, actor(), r, b.version, b.reason),
    "Ask for what is missing",
)
_staff_action(Action.COMPLETE, lambda r, b: decide.complete(wired().services, actor(), r, b.version), "What was missing has come")
_staff_action(
    Action.ADD_TO_ACCOUNT,
    lambda r, b: decide.add_to_account(wired().services, actor(), r, b.version, normalised(b.login), b.reason),
    "Approve by adding the customer number to an account the customer has already",
    AddToAccountBody,
)
_staff_action(Action.REVIEW, lambda r, b: decide.review(wired().services, actor(), r, b.version), "Take into checking")
_staff_action(
    Action.WITHDRAW, lambda r, b: decide.withdraw(wired().services, actor(), r, b.version, b.reason), "The applicant withdraws"
)


@api.post("/staff/applications/<reference>/correct")
@api.doc(summary="Correct what was typed or filed wrongly: the whole form, as filed, with `version`", security="token")
@json_body(CorrectionBody)
@requires(*STAFF)
def post_correction(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.CORRECT)
    body = read_action(CorrectionBody)
    submission = wired().checker().correction(body.application)
    return _status(correct(wired().services, actor(), reference, body.version, submission, body.reason))


@api.post("/staff/applications/<reference>/assign")
@api.doc(summary="Hand a case to a colleague, for four hours", security="token")
@json_body(AssignBody)
@requires(*STAFF)
def post_assign(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.ASSIGN)
    given = assign(wired().services, actor(), reference, read_action(AssignBody).colleague)
    return {"reference": given.reference, "colleague": given.username, "until": given.until.isoformat()}


@api.post("/staff/applications/approve-many")
@api.doc(summary="Approve several at once, only those in which every check is green", security="token")
@json_body(ApproveManyBody)
@requires(*STAFF)
def post_approve_many() -> dict[str, Any]:
    require_permission(caller().roles, Action.APPROVE_MANY)
    outcomes = approve_together(wired().services, actor(), read_action(ApproveManyBody).applications)
    return {"items": [{"reference": outcome.reference, "outcome": outcome.code} for outcome in outcomes]}


@api.post("/staff/applications/<reference>/record-paper")
@api.doc(summary="The signed paper of a web application has arrived", security="token")
@json_body(PaperBody)
@requires(*STAFF)
def post_record_paper(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.RECORD_PAPER)
    body = read_action(PaperBody)
    return _status(
        register_paper.record_paper(
            wired().services, actor(), reference, body.version, signed_on=body.signed_on, filed_on=body.filed_on
        )
    )


@api.post("/staff/applications/<reference>/documents")
@api.doc(summary="Add scans of a paper application (multipart, field `file`, many)", security="token")
@requires(*STAFF)
def post_scans(reference: str) -> tuple[dict[str, Any], int]:
    require_permission(caller().roles, Action.ADD_SCAN)
    documents = uploaded_scans(reference)
    add_scans(wired().services, actor(), reference, documents)
    return {"items": [{"id": each.document_id, "sha256": each.sha256, "type": each.media_type} for each in documents]}, 201


@api.get("/staff/audit")
@api.doc(summary="The chained audit, newest first", security="token")
@requires(*STAFF)
def get_audit() -> dict[str, Any]:
    require_permission(caller().roles, Action.READ_AUDIT)
    limit = _whole_number("limit", 100, 1, 500)
    before = _whole_number("before", 0, 0, 2**62) or None
    with wired().services.work() as work:
        lines = work.audit.page(
            subject=request.args.get("subject") or None,
            actor=request.args.get("actor") or None,
            action=request.args.get("action") or None,
            before=before,
            limit=limit,
        )
    return {"items": [present.entry(line) for line in lines], "next_before": lines[-1].number if len(lines) == limit else None}


@api.post("/staff/applications/<reference>/copy")
@api.doc(summary="The stamped copy for the customer (S3), for applications filed in the office; audited", security="token")
@requires(*STAFF)
def post_copy(reference: str) -> Response:
    require_permission(caller().roles, Action.COPY)
    return copy_response(actor(), caller().name, reference)


@api.post("/staff/applications/<reference>/evidence")
@api.doc(summary="The evidence pack: everything that proves one application, as a ZIP; audited", security="token")
@requires(*STAFF)
def post_evidence(reference: str) -> Response:
    require_permission(caller().roles, Action.EVIDENCE)
    return evidence_response(actor(), reference)


# -- shared --------------------------------------------------------------------------------------


def pdf_response(application: Application, *, full_pesel: bool = False) -> Response:
    form = wired().services.forms[application.form_version]
    pdf = filled_form(application, form, wired().utility, full_pesel=full_pesel)
    return Response(
        pdf,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="BOK-27-{application.reference}.pdf"'},
    )


def copy_response(by: Actor, employee: str, reference: str) -> Response:
    """S3: the copy as a PDF, stamped with the employee's name."""
    application, at = hand_over_copy(wired().services, by, reference)
    pdf = filled_form(application, wired().services.forms[application.form_version], wired().utility, (employee, at))
    headers = {"Content-Disposition": f'inline; filename="BOK-27-{reference}-kopia.pdf"'}
    return Response(pdf, mimetype="application/pdf", headers=headers)


def evidence_response(by: Actor, reference: str) -> Response:
    """The evidence pack as a ZIP."""
    utility = wired().utility
    content = evidence_pack(wired().services, by, reference, lambda application, form: filled_form(application, form, utility))
    headers = {"Content-Disposition": f'attachment; filename="{reference}-dowody.zip"'}
    return Response(content, mimetype="application/zip", headers=headers)


def queue_filter(arguments: dict[str, str], statuses: list[str]) -> QueueFilter:
    """
    Raises:
        Invalid: an unknown status, channel or order, a wrong date or limit.
    """
    names = [name for value in statuses for name in value.split(",") if name]
    unknown = [name for name in names if name not in list(Status)]
    if unknown:
        raise Invalid([FieldError("status", "invalid_choice")])
    due_before = None
    if arguments.get("due_before"):
        try:
            due_before = date.fromisoformat(arguments["due_before"])
        except ValueError as error:
            raise Invalid([FieldError("due_before", "invalid_date")]) from error
    choices: tuple[tuple[str, type[StrEnum]], ...] = (("channel", Channel), ("sort", QueueSort))
    for name, kind in choices:
        if arguments.get(name) and arguments[name] not in list(kind):
            raise Invalid([FieldError(name, "invalid_choice")])
    if arguments.get("order", "asc") not in ("asc", "desc"):
        raise Invalid([FieldError("order", "invalid_choice")])
    return QueueFilter(
        statuses=frozenset(Status(name) for name in names) or None,
        text=arguments.get("q", "")[:200],
        due_before=due_before,
        channel=Channel(arguments["channel"]) if arguments.get("channel") else None,
        assignee=arguments.get("assignee") or None,
        unassigned=arguments.get("unassigned") == "true",
        now=wired().services.clock.now(),
        sort=QueueSort(arguments.get("sort") or QueueSort.DUE),
        descending=arguments.get("order") == "desc",
        cursor=arguments.get("cursor") or None,
        limit=_whole_number("limit", 50, 1, 200),
    )


def _whole_number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18 or not least <= int(text) <= most:
        raise Invalid([FieldError(name, "invalid_choice")])
    return int(text)


def _status_token() -> str:
    token = request.headers.get("X-Status-Token", "")
    if not token or len(token) > 100:
        raise NotFound("status token")
    return token


def _uploaded(reference: str) -> Document:
    request.max_content_length = MAXIMUM_BYTES + _MULTIPART_OVERHEAD
    if (request.content_length or 0) > request.max_content_length:
        raise RequestEntityTooLarge
    upload = request.files.get("file")
    if upload is None:
        raise Invalid([FieldError("file", "required")])
    kind = request.form.get("kind", "scan")
    if kind not in ("scan", "electronic", "attachment"):
        raise Invalid([FieldError("kind", "invalid_choice")])
    return wired().harmless(upload.filename or "", upload.read(MAXIMUM_BYTES + 1), kind, reference)


def uploaded_scans(reference: str) -> list[Document]:
    """Every file of the field `file`, made harmless.

    Raises:
        NotFound: no such application, before anything of the body is read. Invalid: none, or one that is refused.
    """
    with wired().services.work() as work:
        work.applications.get(reference)
    request.max_content_length = 4 * MAXIMUM_BYTES + _MULTIPART_OVERHEAD
    files = [upload for upload in request.files.getlist("file") if upload.filename]
    if not files:
        raise Invalid([FieldError("file", "file_empty")])
    return [wired().harmless(upload.filename or "", upload.read(MAXIMUM_BYTES + 1), reference=reference) for upload in files]


def _status(application: Application) -> dict[str, Any]:
    return {
        "reference": application.reference,
        "status": application.status,
        "filed_at": application.filed_at.isoformat() if application.filed_at else None,
        "filed_on": application.filed_on.isoformat() if application.filed_on else None,
        "due_on": application.due_on.isoformat() if application.due_on else None,
        "version": application.version,
    }


def _mail(mail: submit.ConfirmationMail) -> dict[str, Any]:
    return {
        "state": mail.state,
        "accepted_at": mail.answer_at,
        "address_hint": mail.address_hint,
        "resend_in_seconds": mail.resend_in_seconds,
    }
