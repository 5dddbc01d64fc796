"""Form BOK-27 on the web: one topic a page, answers kept on the server for the visit, nothing stored until it is sent."""

from __future__ import annotations

import secrets
import time
from typing import Any

from flask import Response, abort, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.exceptions import TooManyRequests

from ibok_idp.look.flask_look import language
from webapp.application_form import bots, steps
from webapp.application_form.blueprint import application_form, typed_in
from webapp.application_form.status import file_added, pdf, status_url
from webapp.application_form.steps import NAMES, STEPS, html_id
from webapp.limits import allow
from webapp.provisioning_client import FormError, Rejected
from webapp.wired import client, settings

_WARN_MINUTES = 10


@application_form.get("/wniosek")
def start() -> Any:
    """What you need, and a button; going on with a form that is being filled."""
    draft = _draft()
    return render_template("form/start.html", draft=draft, next_step=steps.first_open(draft["done"]) if draft else NAMES[0])


@application_form.get("/wniosek/druk-bok-27.pdf")
def blank_form() -> Response:
    """For those who would rather fill it in by hand."""
    headers = {"Content-Disposition": 'attachment; filename="druk-bok-27.pdf"'}
    return Response(client().blank_form(language()), mimetype="application/pdf", headers=headers)


@application_form.post("/wniosek")
def begin() -> Any:
    _new_draft()
    return redirect(url_for("application_form.page", name=NAMES[0]), 303)


@application_form.get("/wniosek/<any(klient,dane,umowa,kontakt,klauzule,regulamin,sprawdz,podpis):name>")
def page(name: str) -> Any:
    draft = _draft()
    if draft is None:
        return redirect(url_for("application_form.start", wygasl="1"))
    if not steps.may_open(name, draft["done"]):
        return redirect(url_for("application_form.page", name=steps.first_open(draft["done"])))
    return _render(name, draft, {})


@application_form.get("/wniosek/do-podpisu.pdf")
def form_to_sign() -> Any:
    """The filled form before it is sent: whoever adds a scan or an e-signed PDF needs something to sign."""
    draft = _draft()
    if draft is None or not steps.may_open("podpis", draft["done"]):
        return redirect(url_for("application_form.start", wygasl="1"))
    pdf = client().draft_pdf(steps.body(draft["answers"] | {"signature_kind": ""}, client().form(), language()))
    headers = {"Content-Disposition": 'attachment; filename="BOK-27-do-podpisu.pdf"'}
    return Response(pdf, mimetype="application/pdf", headers=headers)


@application_form.post("/wniosek/<any(klient,dane,umowa,kontakt,klauzule,regulamin,sprawdz):name>")
def answer(name: str) -> Any:
    draft = _draft()
    if draft is None:
        return redirect(url_for("application_form.start", wygasl="1"), 303)
    if not steps.may_open(name, draft["done"]):
        return redirect(url_for("application_form.page", name=steps.first_open(draft["done"])), 303)
    form = client().form()
    _take_answers(name, draft, form)
    errors = _own_errors(name, draft)
    if name != "sprawdz" and "terms_accepted" not in errors:
        body = steps.body(draft["answers"], form, language())
        page = client().check(body, steps.fields_of(name, form), language())
        errors = {html_id(each.field): _words(each, form) for each in page.errors} | errors
        draft["answers"].update(steps.typed_as_stored(page.stored))
        if not errors and _asks_about_address(draft, page.did_you_mean.get("email")):
            _keep(draft)
            return _render(name, draft, {})
    _keep(draft)
    if errors:
        return _render(name, draft, errors), 422
    if name not in draft["done"]:
        draft["done"].append(name)
    if name == "klauzule":
        draft["answers"]["form_version"] = form["form_version"]
    _keep(draft)
    return redirect(url_for("application_form.page", name=_next(name, draft)), 303)


@application_form.post("/wniosek/podpis")
def send() -> Any:
    """Sign and send: the one moment at which something is stored, once, whatever is clicked twice."""
    draft = _draft()
    if draft is None:
        if "filed" in session:
            return redirect(url_for("application_form.filed"), 303)
        return redirect(url_for("application_form.start", wygasl="1"), 303)
    if not steps.may_open("podpis", draft["done"]):
        return redirect(url_for("application_form.page", name=steps.first_open(draft["done"])), 303)
    form = client().form()
    answers = draft["answers"]
    answers["signature_kind"] = request.form.get("signature_kind", "")[:20]
    answers["signed_name"] = typed_in("signed_name")
    upload = next((each for each in request.files.getlist("file") if each.filename), None)
    content = upload.read() if upload else b""
    _keep(draft)
    errors = {}
    if not answers["signature_kind"]:
        errors["signature_kind"] = gettext("Wybierz, jak podpisujesz wniosek")
    elif answers["signature_kind"] in ("scan", "electronic") and not content:
        missing = "file-electronic" if answers["signature_kind"] == "electronic" else "file"  # each way has its own input
        errors[missing] = gettext("Wybierz plik z podpisanym wnioskiem")
    if errors:
        return _render("podpis", draft, errors), 422
    _refuse_robots(draft)
    try:
        filed = client().submit(steps.body(answers, form, language()), draft["key"], language())
    except Rejected as rejected:
        return _back_to_step(draft, rejected.errors, form)
    session["filed"] = {
        "reference": filed["reference"],
        "token": filed["status_token"],
        "email": answers["email"],
        "kind": answers["signature_kind"],
    }
    session.pop("draft", None)  # S2, privacy: drafts are gone on filing
    if upload and content:
        refused = file_added(filed["reference"], filed["status_token"], upload.filename or "", content, answers["signature_kind"])
        if refused:
            session["filed"]["file_error"] = refused
            session.modified = True
    return redirect(url_for("application_form.filed"), 303)


@application_form.get("/wniosek/zlozony")
def filed() -> Any:
    """The reference, the address the mail went to and what became of it, the filled form, what comes next."""
    known = session.get("filed")
    if not known:
        return redirect(url_for("application_form.start"))
    status = client().status(known["reference"], known["token"])
    return render_template("form/filed.html", filed=known, status=status, status_url=status_url(known["reference"], known["token"]))


@application_form.get("/wniosek/druk.pdf")
def filled_form() -> Response:
    known = session.get("filed") or abort(404)
    return pdf(known["reference"], known["token"])


# -- the draft -----------------------------------------------------------------------------------


def _new_draft() -> dict[str, Any]:
    draft = {"answers": {}, "done": [], "key": secrets.token_urlsafe(24), "until": time.time() + settings().draft_hours * 3600}
    session.pop("filed", None)
    session["draft"] = draft
    return draft


def _draft() -> dict[str, Any] | None:
    draft: dict[str, Any] | None = session.get("draft")
    if draft is not None and draft["until"] < time.time():
        session.pop("draft")
        return None
    return draft


def _keep(draft: dict[str, Any]) -> None:
    session["draft"] = draft


def _take_answers(name: str, draft: dict[str, Any], form: dict[str, Any]) -> None:
    """Only the inputs of this page are taken over; everything else in the POST is ignored."""
    for field in _inputs(name, form):
        draft["answers"][field] = typed_in(field)
    if name == "kontakt" and request.form.get("take_meant") and draft.get("meant"):
        draft["answers"]["email"] = draft["answers"]["email_again"] = draft["meant"]
    if name == "klient" and request.form.get("customer_type") != draft["answers"].get("customer_type"):
        draft["answers"]["customer_type"] = typed_in("customer_type")


def _inputs(name: str, form: dict[str, Any]) -> list[str]:
    own = {
        "klient": ["customer_type"],
        "klauzule": [f"clauses-{clause['code']}" for clause in form["clauses"]],
        "regulamin": ["terms_accepted"],
    }
    return own.get(name, []) + steps.inputs(name, form)


def _asks_about_address(draft: dict[str, Any], meant: str | None) -> bool:
    """Whether to ask "Czy chodziło o …?": once for each address; who goes on has answered."""
    address = draft["answers"].get("email")
    if meant is None or draft.get("asked_about") == address:
        draft.pop("meant", None)
        return False
    draft["asked_about"], draft["meant"] = address, meant
    return True


def _own_errors(name: str, draft: dict[str, Any]) -> dict[str, str]:
    """What only the web form asks: the address twice, and a plain yes to the Regulamin."""
    answers = draft["answers"]
    if name == "kontakt" and not answers.get("other_address"):
        if not any(value for key, value in answers.items() if key.startswith("correspondence_address-")):
            return {"other_address": gettext("Wybierz, na jaki adres wysyłać listy")}
        answers["other_address"] = "yes"  # it was typed: nothing of it is lost
    if name == "kontakt" and answers["email"] and answers["email"].lower() != answers["email_again"].lower():
        return {"email_again": gettext("Oba adresy e-mail muszą być takie same")}
    if name == "regulamin":
        if answers["terms_accepted"] == "yes":
            answers["terms_version"] = client().form()["terms_version"]
            return {}
        answers["terms_version"] = ""
        if not answers["terms_accepted"]:
            return {"terms_accepted": gettext("Wybierz „Tak” albo „Nie”")}
        return {"terms_accepted": gettext("Bez akceptacji Regulaminu iBOK konto nie może powstać")}
    return {}


def _words(error: FormError, form: dict[str, Any]) -> str:
    """A refused clause is explained with its own reason."""
    if error.code == "clause_refused":
        code = error.field.removeprefix("clauses.")
        clause = next((each for each in form["clauses"] if each["code"] == code), None)
        if clause:
            return f"{code}: {clause['refusal'][language()]}"
    return error.message


def _next(name: str, draft: dict[str, Any]) -> str:
    """Straight back to the check page when all is answered and one thing was corrected."""
    return "sprawdz" if "regulamin" in draft["done"] and name != "sprawdz" and name != "klient" else steps.after(name)


def _back_to_step(draft: dict[str, Any], errors: list[FormError], form: dict[str, Any]) -> Any:
    name = steps.step_of(errors[0].field, form)
    if name == "sprawdz":
        name = "podpis"
    mine = {html_id(each.field): _words(each, form) for each in errors if steps.step_of(each.field, form) in (name, "sprawdz")}
    if name != "podpis":
        draft["done"] = [each for each in draft["done"] if NAMES.index(each) < NAMES.index(name)]
        if name == "klauzule":
            draft["answers"].pop("form_version", None)
        _keep(draft)
    return _render(name, draft, mine), 422


def _refuse_robots(draft: dict[str, Any]) -> None:
    """
    Raises:
        TooManyRequests: over the limit of this address, or the hidden field was filled.
    """
    if request.form.get(bots.HONEYPOT):
        raise TooManyRequests
    solved = bots.solved(request.form.get("altcha", ""), settings().session_key.get_secret_value(), draft.get("salt"))
    limit = settings().filings_per_hour if solved else settings().filings_per_hour_without_script
    if not allow("filing" if solved else "filing-without-script", limit):
        raise TooManyRequests


def _render(name: str, draft: dict[str, Any], errors: dict[str, str]) -> str:
    form = client().form()
    errors = steps.in_order(errors, _inputs(name, form))
    challenge = None
    if name == "podpis":
        challenge = bots.new_challenge(settings().session_key.get_secret_value())
        draft["salt"] = challenge["salt"]
        _keep(draft)
    body = steps.body(draft["answers"], form, language())
    return render_template(
        f"form/{name}.html",
        name=name,
        number=NAMES.index(name) + 1,
        total=len(STEPS),
        previous=steps.before(name),
        answers=draft["answers"],
        body=body,
        kind=steps.customer_type(form, body["customer_type"]),
        asked=steps.asked(form, body["customer_type"], name),
        summary=steps.summary(body, form, language()),
        refuses=bool(errors) and any(draft["answers"].get(each) == "no" for each in _inputs(name, form) if each in errors),
        meant=draft.get("meant") if name == "kontakt" else None,
        form=form,
        errors=errors,
        challenge=challenge,
        honeypot=bots.HONEYPOT,
        minutes_left=max(0, int((draft["until"] - time.time()) / 60)),
        warn=(draft["until"] - time.time()) / 60 < _WARN_MINUTES,
    )
