"""After sending: the status of an application, its confirmation, its files."""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.exceptions import TooManyRequests

from ibok_idp.look.flask_look import language
from webapp.application_form.blueprint import application_form, typed_in
from webapp.application_form.steps import html_id
from webapp.application_form.timeline import timeline
from webapp.limits import allow
from webapp.provisioning_client import ProvisioningUnavailable, Rejected
from webapp.wired import client, settings


def file_added(reference: str, token: str, name: str, content: bytes, kind: str) -> str | None:
    """Add one file; the sentence of why it was not taken. The application itself is filed, whatever becomes of the file."""
    try:
        client().add_document(reference, token, name, content, kind, language())
    except Rejected as rejected:
        return rejected.errors[0].message or str(gettext("Plik jest za duży: najwyżej 15 MB"))
    except ProvisioningUnavailable:
        return str(gettext("Pliku nie udało się teraz przyjąć. Spróbuj jeszcze raz za chwilę"))
    return None


@application_form.get("/wniosek/status/<reference>/<token>")
def status(reference: str, token: str) -> str:
    return _status_page(client().status(reference, token), token, sent=request.args.get("wyslano"))


def _status_page(
    found: dict[str, Any], token: str, *, errors: dict[str, str] | None = None, typed: str | None = None, sent: str | None = None
) -> str:
    known = session.get("filed") or {}
    email = known.get("email") if known.get("reference") == found["reference"] else None
    steps = timeline(found)
    return render_template(
        "form/status.html", status=found, token=token, email=email, errors=errors or {}, typed=typed, sent=sent, steps=steps
    )


@application_form.get("/wniosek/status/<reference>/<token>/druk.pdf")
def status_pdf(reference: str, token: str) -> Response:
    return pdf(reference, token)


@application_form.post("/wniosek/status/<reference>/<token>/email")
def send_again(reference: str, token: str) -> Any:
    """Send the confirmation again, to a corrected address when one is typed."""
    within_mail_limit()
    typed = typed_in("email") or None
    try:
        client().send_confirmation_again(reference, token, typed, language())
    except Rejected as rejected:
        errors = {html_id(each.field): each.message for each in rejected.errors}
        return _status_page(client().status(reference, token), token, errors=errors, typed=typed), 422
    known = session.get("filed")
    if known and known["reference"] == reference and typed:
        session["filed"] = {**known, "email": typed}
    return redirect(url_for("application_form.status", reference=reference, token=token, wyslano="1"), 303)


@application_form.post("/wniosek/status/<reference>/<token>/plik")
def add_file(reference: str, token: str) -> Any:
    upload = request.files.get("file")
    content = upload.read() if upload and upload.filename else b""
    found = client().status(reference, token)
    kind = found["signature_kind"] if found["document_missing"] else "attachment"
    refused = gettext("Wybierz plik")
    if upload and content:
        refused = file_added(reference, token, upload.filename or "", content, kind)
    if refused:
        return _status_page(found, token, errors={"file": refused}), 422
    known = session.get("filed")
    if known and known["reference"] == reference:
        session["filed"] = {**known, "file_error": None}
    return redirect(url_for("application_form.status", reference=reference, token=token, wyslano="plik"), 303)


@application_form.get("/wniosek/potwierdzenie/<token>")
def confirm(token: str) -> str:
    """A page with a button: a mail scanner that opens the link confirms nothing. A link that is dead says so at once."""
    found = client().look_at_confirmation(token.split(".")[0], token)
    return render_template("form/confirm.html", token=token, status=found)


@application_form.post("/wniosek/potwierdzenie/<token>")
def confirm_now(token: str) -> str:
    found = client().confirm_email(token.split(".")[0], token)
    return render_template("form/confirmed.html", status=found, status_url=status_url(found["reference"], found["status_token"]))


def pdf(reference: str, token: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="BOK-27-{reference}.pdf"'}
    return Response(client().form_pdf(reference, token), mimetype="application/pdf", headers=headers)


def within_mail_limit() -> None:
    """F13: whatever mailbox they go to, one visitor causes only so many mails.

    Raises:
        TooManyRequests: over the limit of this address.
    """
    if not allow("mail", settings().mails_per_hour):
        raise TooManyRequests


def status_url(reference: str, token: str) -> str:
    return f"{str(settings().webapp_url).rstrip('/')}/wniosek/status/{reference}/{token}"
