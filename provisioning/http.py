"""What both doors of the web process, the API and the staff UI, read from requests and answer with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from flask import Response, current_app, request

from provisioning.adapters.files.uploads import MAXIMUM_BYTES
from provisioning.adapters.pdf import filled_form
from provisioning.domain.actors import Actor
from provisioning.domain.application import Application, Channel, Status
from provisioning.domain.desk import QueueFilter, QueueSort
from provisioning.domain.document import Document
from provisioning.domain.errors import FieldError, Invalid
from provisioning.use_cases.application.evidence_pack import evidence_pack
from provisioning.use_cases.application.hand_over_copy import hand_over_copy
from provisioning.wiring import Wired

_MULTIPART_OVERHEAD = 64 * 2**10
UPLOAD_BYTES = MAXIMUM_BYTES + _MULTIPART_OVERHEAD  # one file of the largest size, and the form around it
QUEUE_QUERY = ("status", "q", "due_before", "channel", "assignee", "unassigned", "sort", "order", "cursor", "limit")


def wired() -> Wired:
    """Everything the running process was put together from."""
    found: Wired = current_app.extensions["ibok_wired"]
    return found


def pdf_response(application: Application, *, full_pesel: bool = False) -> Response:
    form = wired().services.forms[application.form_version]
    pdf = filled_form(application, form, wired().utility, full_pesel=full_pesel)
    name = f"BOK-27-{application.reference}" if application.reference else "BOK-27"  # not filed yet
    return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'})


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


def queue_filter(arguments: Mapping[str, str], statuses: list[str], now: datetime) -> QueueFilter:
    """What the queue shall show, from the arguments of a request.

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
        now=now,
        sort=QueueSort(arguments.get("sort") or QueueSort.DUE),
        descending=arguments.get("order") == "desc",
        cursor=arguments.get("cursor") or None,
        limit=whole_number(arguments, "limit", 50, 1, 200),
    )


def whole_number(arguments: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """
    Raises:
        Invalid: not a number between the two.
    """
    text = arguments.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18 or not least <= int(text) <= most:
        raise Invalid([FieldError(name, "invalid_choice")])
    return int(text)


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
