"""The desk's calls about applications. Each view reads, calls one use case, and shows the outcome; rules live elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request

from provisioning.api import present
from provisioning.api.blueprint import STAFF, api, call
from provisioning.api.present import status_of_application
from provisioning.api.request import actor, caller, read_action, read_json, requires
from provisioning.api.schemas import (
    ActionBody,
    AddToAccountBody,
    ApproveManyBody,
    AssignBody,
    CorrectionBody,
    PaperBody,
    RejectBody,
    ScanCheckBody,
)
from provisioning.domain.application import CORRECTABLE, Application
from provisioning.domain.errors import NotPossible, TooSoon
from provisioning.domain.login_names import normalised
from provisioning.domain.rights import Action, Role, require_permission
from provisioning.form.bodies import paper_application_body
from provisioning.http import (
    QUEUE_QUERY,
    copy_response,
    evidence_response,
    queue_filter,
    uploaded_scans,
    whole_number,
    wired,
)
from provisioning.use_cases.application import decide, register_paper
from provisioning.use_cases.application.add_scans import add_scans
from provisioning.use_cases.application.approve_together import approve_together
from provisioning.use_cases.application.correct import correct
from provisioning.use_cases.application.doubts import check_scan, doubts, look_at
from provisioning.use_cases.desk.work_on_case import assign


@api.get("/staff/applications")
@call("The queue, nearest term first; `counts` are counted to 1000 at the most", query=QUEUE_QUERY)
@requires(*STAFF)
def get_applications() -> dict[str, Any]:
    services = wired().services
    with services.work() as work:
        found = work.applications.page(queue_filter(request.args, request.args.getlist("status"), services.clock.now()))
    return present.page(found, services.clock.today())


@api.post("/staff/applications")
@call("Type in a paper or e-mailed application (S1)", body=paper_application_body, answer=201, raises=[NotPossible])
@requires(Role.CLERK, Role.REGISTRAR)
def post_paper_application() -> tuple[dict[str, Any], int]:
    submission = wired().checker().paper(read_json())
    application = register_paper.register_paper(wired().services, actor(), submission)
    return status_of_application(application), 201


@api.get("/staff/applications/<reference>")
@call("Everything of one application, PESEL masked")
@requires(*STAFF)
def get_application(reference: str) -> dict[str, Any]:
    services = wired().services
    with services.work() as work:
        found = work.applications.get(reference)
        looked = look_at(services, work, found)
        speaks_against = doubts(services, found, looked) if found.status in CORRECTABLE else frozenset()
        return present.details(
            found,
            speaks_against,
            looked.checks,
            work.accounts.by_reference(reference),
            work.mails.of(reference),
            looked.documents,
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
        return status_of_application(act(reference, read_action(body)))

    view.__name__ = f"post_{action.name.lower()}"
    documented = call(summary, body=body, raises=[NotPossible, TooSoon])(view)
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
@call(
    "Correct what was typed or filed wrongly: the whole form, as filed, with `version`", body=CorrectionBody, raises=[NotPossible]
)
@requires(*STAFF)
def post_correction(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.CORRECT)
    body = read_action(CorrectionBody)
    submission = wired().checker().correction(body.application)
    return status_of_application(correct(wired().services, actor(), reference, body.version, submission, body.reason))


@api.post("/staff/applications/<reference>/check-scan")
@call("What was seen on the scan: data, clauses, signature; evidence for the decision", body=ScanCheckBody, raises=[NotPossible])
@requires(*STAFF)
def post_scan_check(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.CHECK_SCAN)
    checks = check_scan(wired().services, actor(), reference, frozenset(read_action(ScanCheckBody).seen))
    return {"reference": reference, "scan_checks": present.scan_checks(checks)}


@api.post("/staff/applications/<reference>/assign")
@call("Hand a case to a colleague, for four hours", body=AssignBody, raises=[NotPossible])
@requires(*STAFF)
def post_assign(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.ASSIGN)
    given = assign(wired().services, actor(), reference, read_action(AssignBody).colleague)
    return {"reference": given.reference, "colleague": given.username, "until": given.until.isoformat()}


@api.post("/staff/applications/approve-many")
@call("Approve several at once, only those in which every check is green", body=ApproveManyBody, raises=[NotPossible])
@requires(*STAFF)
def post_approve_many() -> dict[str, Any]:
    require_permission(caller().roles, Action.APPROVE_MANY)
    outcomes = approve_together(wired().services, actor(), read_action(ApproveManyBody).applications)
    return {"items": [{"reference": outcome.reference, "outcome": outcome.code} for outcome in outcomes]}


@api.post("/staff/applications/<reference>/record-paper")
@call("The signed paper of a web application has arrived", body=PaperBody, raises=[NotPossible])
@requires(*STAFF)
def post_record_paper(reference: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.RECORD_PAPER)
    body = read_action(PaperBody)
    return status_of_application(
        register_paper.record_paper(
            wired().services, actor(), reference, body.version, signed_on=body.signed_on, filed_on=body.filed_on
        )
    )


@api.post("/staff/applications/<reference>/documents")
@call("Add scans of a paper application (multipart, field `file`, many)", answer=201, raises=[NotPossible], file=[])
@requires(*STAFF)
def post_scans(reference: str) -> tuple[dict[str, Any], int]:
    require_permission(caller().roles, Action.ADD_SCAN)
    documents = uploaded_scans(reference)
    add_scans(wired().services, actor(), reference, documents)
    return {"items": [{"id": each.document_id, "sha256": each.sha256, "type": each.media_type} for each in documents]}, 201


@api.get("/staff/audit")
@call("The chained audit, newest first", query=["subject", "actor", "action", "before", "limit"])
@requires(*STAFF)
def get_audit() -> dict[str, Any]:
    require_permission(caller().roles, Action.READ_AUDIT)
    limit = whole_number(request.args, "limit", 100, 1, 500)
    before = whole_number(request.args, "before", 0, 0, 2**62) or None
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
@call(
    "The stamped copy for the customer (S3), for applications filed in the office; audited",
    raises=[NotPossible],
    media_type="application/pdf",
)
@requires(*STAFF)
def post_copy(reference: str) -> Response:
    require_permission(caller().roles, Action.COPY)
    return copy_response(actor(), caller().name, reference)


@api.post("/staff/applications/<reference>/evidence")
@call(
    "The evidence pack: everything that proves one application, as a ZIP; audited",
    raises=[NotPossible],
    media_type="application/zip",
)
@requires(*STAFF)
def post_evidence(reference: str) -> Response:
    require_permission(caller().roles, Action.EVIDENCE)
    return evidence_response(actor(), reference)
