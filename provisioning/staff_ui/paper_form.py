"""Typing a paper form in, in the order of the paper, and correcting what was typed or filed wrongly."""

from __future__ import annotations

import secrets
from email.utils import parseaddr
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from ibok_idp.look.flask_look import language
from ibok_idp.texts import SOURCE, WARSAW
from provisioning.domain.application import Application, Channel
from provisioning.domain.declared_fields import declared
from provisioning.domain.errors import Invalid
from provisioning.domain.fields import SECTIONS, Field, Section
from provisioning.domain.intake import IntakeItem, IntakeKind
from provisioning.domain.rights import Action, require_permission
from provisioning.form.messages import message
from provisioning.form.typed import typed_fields
from provisioning.http import wired
from provisioning.staff_ui.blueprint import actor, load, logged_in, staff, typed_version
from provisioning.staff_ui.intake import scan_beside
from provisioning.staff_ui.viewer import SCALES
from provisioning.use_cases.application import register_paper
from provisioning.use_cases.application.correct import correct
from provisioning.use_cases.intake import take_in


@staff.route("/nowy", methods=["GET", "POST"])
@logged_in
def enter() -> Any:
    """Type in a paper form: one page, in the order of the paper, keyboard only."""
    require_permission(g.user.roles, Action.ENTER)
    services = wired().services
    form = services.current_form(services.clock.today())
    kind = request.values.get("customer_type", "person")
    errors: dict[str, str] = {}
    form_key = request.form.get("form_key", "")[:64] or secrets.token_hex(16)
    if request.method == "POST" and "change_type" not in request.form:
        body = paper_body(request.form.to_dict(), form.version, form.terms_version, [clause.code for clause in form.clauses])
        try:
            if body["email"] != (request.form.get("email_again") or "").strip():
                errors["email_again"] = gettext("Oba adresy e-mail muszą być takie same")
            submission = wired().checker().paper(body)
            if not errors:
                reference, new = register_paper.register_once(services, actor(), submission, f"{g.user.username}:{form_key}")
                if new and request.args.get("wplyw"):
                    take_in.attach(services, actor(), request.args["wplyw"], reference)
                flash(
                    gettext("Wniosek zapisany. Wydrukuj kopię dla klienta.")
                    if submission.channel is Channel.OFFICE
                    else gettext("Wniosek zapisany.")
                )
                return redirect(url_for("staff.application", reference=reference), 303)
        except Invalid as invalid:
            errors = {html_id(each.field): message(each, language()) for each in invalid.errors} | errors
    came_in = _came_in(request.args.get("wplyw"))
    page = render_template(
        "staff/enter.html",
        form=form,
        kind=kind,
        kinds=declared().types,
        sections=_sections(kind),
        errors=errors,
        typed=request.form if request.method == "POST" else _typed_from(came_in),
        viewer=scan_beside(came_in) if came_in else None,
        scales=SCALES,
        today=services.clock.today().isoformat(),
        form_key=form_key,
    )
    return page, 422 if errors else 200


def _came_in(intake_id: str | None) -> IntakeItem | None:
    if not intake_id:
        return None
    with wired().services.work() as work:
        return work.intake.get(intake_id)


def _typed_from(item: IntakeItem | None) -> dict[str, str]:
    """The beginning of an application: today, or of what came in its channel and day; of a message its sender's address once."""
    if item is None:
        return {"filed_on": wired().services.clock.today().isoformat()}
    filed_on = item.received_at.astimezone(WARSAW).date().isoformat()
    if item.kind is IntakeKind.SCAN:
        return {"channel": "post", "filed_on": filed_on}
    return {"channel": "email", "filed_on": filed_on, "email": parseaddr(item.sender)[1], "signed": "yes"}


@staff.route("/wniosek/<reference>/popraw", methods=["GET", "POST"])
@logged_in
def correct_form(reference: str) -> Any:
    """Mend what was typed or filed wrongly; the old value and who changed it stay in the history."""
    require_permission(g.user.roles, Action.CORRECT)
    services, found = wired().services, load(reference)
    form = services.forms[found.form_version]
    errors: dict[str, str] = {}
    paper = found.channel is not Channel.WEB
    kind = request.form.get("customer_type", found.customer_type) if paper else found.customer_type
    if request.method == "POST" and "change_type" not in request.form:
        body = corrected_body(found, request.form.to_dict(), [clause.code for clause in form.clauses])
        try:
            if paper and body["email"] not in (
                found.email,
                (request.form.get("email_again") or "").strip(),
            ):
                errors["email_again"] = gettext("Oba adresy e-mail muszą być takie same")
            submission = wired().checker().correction(body)
            if not errors:
                correct(services, actor(), reference, typed_version(), submission, request.form.get("reason"))
                flash(gettext("Poprawki zapisane."))
                return redirect(url_for("staff.application", reference=reference), 303)
        except Invalid as invalid:
            errors = {html_id(each.field): message(each, language()) for each in invalid.errors} | errors
    page = render_template(
        "staff/correct.html",
        application=found,
        form=form,
        kind=kind,
        kinds=declared().types,
        sections=_sections(kind),
        errors=errors,
        typed=request.form if request.method == "POST" else typed_from(found),
        paper=paper,
        version=request.form.get("version") or found.version,
    )
    return page, 422 if errors else 200


def paper_body(typed: dict[str, str], form_version: str, terms_version: str, clause_codes: list[str]) -> dict[str, Any]:
    """What was typed, in the shape of the API's body; nothing is guessed, empty fields are absent."""

    def value(name: str) -> str | None:
        return (typed.get(name) or "").strip() or None

    kind = value("customer_type")
    return {
        "form_version": form_version,
        "terms_version": terms_version if typed.get("terms_accepted") == "yes" else None,
        "language": value("language") or SOURCE,
        "customer_type": kind,
        "channel": value("channel"),
        "filed_on": value("filed_on"),
        "entry_reason": value("entry_reason"),
        **typed_fields(kind, lambda name: value(html_id(name))),
        "clauses": {
            code: typed[f"clauses-{code}"] == "yes" for code in clause_codes if typed.get(f"clauses-{code}") in ("yes", "no")
        },
        "signature": {"kind": "paper", "signed_on": value("signed_on")} if typed.get("signed") == "yes" else None,
    }


def typed_from(found: Application) -> dict[str, str]:
    """An application as the fields of the form, for correcting it."""
    typed: dict[str, str] = {"customer_type": found.customer_type, "language": found.language}
    typed |= {"channel": found.channel.value, "filed_on": str(found.filed_on or "")}
    for name, value in found.data.items():
        if isinstance(value, dict):
            typed |= {f"{name}-{key}": str(inner or "") for key, inner in value.items()}
        else:
            typed[name] = str(value or "")
    typed |= {f"clauses-{code}": "yes" if answer else "no" for code, answer in found.clauses.items()}
    signature = found.signature or {}
    typed |= {"signed": "yes" if found.signature else "no", "signed_on": signature.get("signed_on") or ""}
    return typed | {"terms_accepted": "yes" if found.terms_accepted else "no", "email_again": ""}


def corrected_body(found: Application, typed: dict[str, str], clause_codes: list[str]) -> dict[str, Any]:
    """The whole form with what was typed; what the page does not show stays as it is. An empty PESEL field keeps the PESEL."""
    shown = typed_from(found) if found.channel is Channel.WEB else {}
    as_before = {"channel": found.channel.value, "filed_on": str(found.filed_on or ""), "customer_type": found.customer_type}
    typed = {**shown, **typed, **as_before} if found.channel is Channel.WEB else {**as_before, **typed}
    body = paper_body(typed, found.form_version, found.terms_version, clause_codes)
    if found.channel is Channel.WEB:
        body["signature"] = None
    if "pesel" in body and body["pesel"] is None:
        body["pesel"] = found.pesel
    return body


def _sections(kind: str) -> list[tuple[Section, list[Field]]]:
    """What the page asks a kind of customer, in the order of the paper."""
    return [(section, [field for field in declared().asked_of(kind) if field.section is section]) for section in SECTIONS]


def html_id(field: str) -> str:
    """`supply_point_address.city` is asked by the input `supply_point_address-city`."""
    return field.replace(".", "-")
