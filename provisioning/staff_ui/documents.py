"""Files of an application: prints, scans and their pages, originals, the evidence pack."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, g, redirect, url_for
from flask_babel import ngettext

from ibok_idp.look.flask_look import language
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import Invalid
from provisioning.domain.rights import Action, require_permission
from provisioning.form.messages import message
from provisioning.http import copy_response, evidence_response, pdf_response, uploaded_scans, wired
from provisioning.staff_ui.application import application_page
from provisioning.staff_ui.blueprint import actor, load, logged_in, staff
from provisioning.staff_ui.viewer import picture
from provisioning.use_cases.application.add_scans import add_scans
from provisioning.use_cases.desk.reveal_pesel import reveal_pesel as reveal


@staff.get("/wniosek/<reference>/druk.pdf")
@logged_in
def form_pdf(reference: str) -> Response:
    found = load(reference)
    with wired().services.work() as work:
        work.audit.write(actor(), AuditAction.APPLICATION_FORM_OPENED, reference, {}, wired().services.clock.now())
    return pdf_response(found)


@staff.post("/wniosek/<reference>/kopia")
@logged_in
def print_copy(reference: str) -> Response:
    """S3: the stamped copy for the customer, opened for printing."""
    return copy_response(actor(), g.user.name, reference)


@staff.post("/wniosek/<reference>/druk-z-peselem")
@logged_in
def form_with_pesel(reference: str) -> Response:
    """The form with the full PESEL is a reveal like the one on the page (S12)."""
    return pdf_response(reveal(wired().services, actor(), reference, on="form"), full_pesel=True)


@staff.get("/wniosek/<reference>/plik/<document_id>")
@logged_in
def document(reference: str, document_id: str) -> Response:
    with wired().services.work() as work:
        found = work.documents.get(reference, document_id)
        work.audit.write(actor(), AuditAction.DOCUMENT_OPENED, reference, {"sha256": found.sha256}, wired().services.clock.now())
    extension = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}[found.media_type]
    headers = {
        "Content-Disposition": f'attachment; filename="{reference}-{document_id[:8]}.{extension}"',
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    }
    return Response(found.content, mimetype=found.media_type, headers=headers)


@staff.post("/wniosek/<reference>/oryginal/<document_id>")
@logged_in
def original(reference: str, document_id: str) -> Response:
    """What was handed in, byte by byte, as evidence: only as a download, never opened here; audited."""
    require_permission(g.user.roles, Action.OPEN_ORIGINAL)
    with wired().services.work() as work:
        found = work.documents.get(reference, document_id)
        content = work.documents.original(found) or abort(404)
        work.audit.write(
            actor(), AuditAction.DOCUMENT_ORIGINAL_OPENED, reference, {"sha256": found.sha256}, wired().services.clock.now()
        )
    headers = {"Content-Disposition": f'attachment; filename="{reference}-{document_id[:8]}-oryginal.bin"'}
    return Response(content, mimetype="application/octet-stream", headers=headers)


@staff.post("/wniosek/<reference>/pliki")
@logged_in
def add_files(reference: str) -> Any:
    """Scans and photos of the paper, many at once; one bad file and none is stored."""
    require_permission(g.user.roles, Action.ADD_SCAN)
    try:
        documents = uploaded_scans(reference)
        add_scans(wired().services, actor(), reference, documents)
    except Invalid as invalid:
        errors = {each.field: message(each, language()) for each in invalid.errors}
        return application_page(reference, errors=errors), 422
    flash(ngettext("Dodano %(num)d plik.", "Dodano %(num)d plików.", len(documents)))
    return redirect(url_for("staff.application", reference=reference, plik=documents[0].document_id), 303)


@staff.get("/wniosek/<reference>/plik/<document_id>/strona/<int:number>.jpg")
@logged_in
def page_of_scan(reference: str, document_id: str, number: int) -> Response:
    """One page as a picture, for the viewer; opening the viewer was written into the audit."""
    with wired().services.work() as work:
        found = work.documents.get(reference, document_id)
    return picture(found, number)


@staff.post("/wniosek/<reference>/dowody")
@logged_in
def evidence(reference: str) -> Response:
    """The evidence pack: everything that proves this application, in one ZIP."""
    return evidence_response(actor(), reference)
