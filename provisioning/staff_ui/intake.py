"""What came in and is no application yet: messages from the mailbox, pages of a batch of scans (S1)."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from ibok_idp.look.flask_look import language
from provisioning.adapters.files.contained import ContainedFailure
from provisioning.adapters.files.scan_batches import LARGEST, parts_of, reference_in
from provisioning.adapters.files.scan_pages import page_count
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.document import Document
from provisioning.domain.errors import FieldError, Invalid, NotFound, NotPossible
from provisioning.domain.intake import IntakeFile, IntakeItem, IntakeState
from provisioning.domain.rights import Action, require_permission
from provisioning.form.messages import message
from provisioning.http import wired
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.staff_ui.errors import conflict_words
from provisioning.staff_ui.viewer import Viewer, picture
from provisioning.use_cases.intake.take_in import Matched, attach, dismiss, match_scans

_MOST = 200
_PICTURE_ROWS = 3


@staff.get("/wplyw")
@logged_in
def intake() -> str:
    require_permission(g.user.roles, Action.INTAKE)
    return _intake_page([], {})


@staff.post("/wplyw/skany")
@logged_in
def scans() -> Any:
    """One or more batches: cut at their QR codes, each part to its application, the rest to a person."""
    require_permission(g.user.roles, Action.ADD_SCAN)
    try:
        files = [upload for upload in request.files.getlist("file") if upload.filename]
        if not files:
            raise Invalid([FieldError("file", "file_empty")])
        parts = [
            part for upload in files for part in parts_of(upload.filename or "", _read(upload.read(LARGEST + 1)), wired().harmless)
        ]
    except Invalid as invalid:
        return _intake_page([], {"file": message(invalid.errors[0], language())}), 422
    return _intake_page(match_scans(wired().services, actor(), parts), {})


@staff.get("/wplyw/<intake_id>")
@logged_in
def intake_item(intake_id: str) -> str:
    require_permission(g.user.roles, Action.INTAKE)
    with wired().services.work() as work:
        work.intake.get(intake_id)  # what is not there leaves no line with words of the caller's choice
        work.audit.write(actor(), AuditAction.INTAKE_OPENED, "intake", {"intake": intake_id}, wired().services.clock.now())
    return _item_page(intake_id, {})


@staff.get("/wplyw/<intake_id>/plik/<file_id>/strona/<int:number>.jpg")
@logged_in
def intake_picture(intake_id: str, file_id: str, number: int) -> Response:
    require_permission(g.user.roles, Action.INTAKE)
    with wired().services.work() as work:
        found = work.intake.file(intake_id, file_id)
    if found.refused is not None:
        raise NotFound(file_id)
    return picture(_as_document(found), number)


@staff.post("/wplyw/<intake_id>/<any(dolacz, odloz):what>")
@logged_in
def settle(intake_id: str, what: str) -> Any:
    """The files go to an application, or it is none."""
    require_permission(g.user.roles, Action.INTAKE)
    try:
        if what == "dolacz":
            reference = "".join(request.form.get("reference", "").split())
            attach(wired().services, actor(), intake_id, reference)
            flash(gettext("Pliki dołączone do wniosku %(reference)s.", reference=reference))
            return redirect(url_for("staff.application", reference=reference), 303)
        dismiss(wired().services, actor(), intake_id, request.form.get("reason"))
    except Invalid as invalid:
        return _item_page(intake_id, {each.field: message(each, language()) for each in invalid.errors}), 422
    except NotFound:
        return _item_page(intake_id, {"reference": gettext("Nie ma wniosku o tym numerze")}), 422
    except NotPossible as error:
        if error.code == "already_decided":
            raise
        return _item_page(intake_id, {"reference": conflict_words(error)[0]}), 422
    flash(gettext("Odłożone. Treść i pliki usunięto."))
    return redirect(url_for("staff.intake"), 303)


def _intake_page(matched: list[Matched], errors: dict[str, str]) -> str:
    with wired().services.work() as work:
        waiting = work.intake.in_state(IntakeState.WAITING, _MOST)
        aside = work.intake.in_state(IntakeState.SET_ASIDE, _MOST)
    return render_template("staff/intake.html", waiting=waiting, aside=aside, matched=matched, errors=errors)


def scan_beside(item: IntakeItem) -> Viewer | None:
    """The first readable file of something that came in, for the form that is typed from it; None when there is none."""
    with wired().services.work() as work:
        files = work.intake.files_of(item.intake_id)
    file = next((each for each in files if each.refused is None), None)
    if file is None:
        return None
    pictures = partial(url_for, "staff.intake_picture", intake_id=item.intake_id, file_id=file.file_id)
    back = url_for("staff.intake_item", intake_id=item.intake_id)
    return Viewer(file.name, page_count(_as_document(file)), pictures, lambda *_place: back)


def _item_page(intake_id: str, errors: dict[str, str]) -> str:
    with wired().services.work() as work:
        item, files = work.intake.get(intake_id), work.intake.files_of(intake_id)
    pages = {each.file_id: page_count(_as_document(each)) for each in files if each.refused is None}
    refusals = {each.file_id: message(FieldError("file", each.refused), language()) for each in files if each.refused}
    codes = (_code_on(each) for each in files if each.refused is None and item.reference is None)
    suggested = next((code for code in codes if code), "")
    return render_template(
        "staff/intake_item.html",
        suggested=suggested,
        item=item,
        files=files,
        pages=pages,
        refusals=refusals,
        rows=_PICTURE_ROWS,
        errors=errors,
        typed=request.form,
    )


def _code_on(file: IntakeFile) -> str | None:
    """A suggestion: a file that cannot be read in time has none, and the item is shown all the same."""
    try:
        return reference_in(_as_document(file))
    except (Invalid, ContainedFailure):
        return None


def _as_document(file: IntakeFile) -> Document:
    return Document(file.file_id, "", "scan", file.name, file.media_type, file.sha256, file.content)


def _read(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise Invalid([FieldError("file", "batch_too_large")])
    return content
