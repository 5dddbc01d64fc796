"""`/konto`: the customer's own account, after login at Keycloak: data, password, address, sessions, terms, resignation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    g,
    get_flashed_messages,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext

from ibok_idp.look.flask_look import language, problem_page
from ibok_idp.oidc_login import OidcLogin
from ibok_idp.texts import LANGUAGES
from webapp.application_form.status import within_mail_limit
from webapp.application_form.steps import address_line, html_id
from webapp.portal.devices import device
from webapp.provisioning_client import Conflict, LoginTooOld, NotThere, Rejected, TokenRefused
from webapp.wired import client

portal = Blueprint("portal", __name__)
View = Callable[..., Any]
_RECENT_SECONDS = 240  # a minute less than provisioning allows, so that nobody is sent back with a filled page


def oidc() -> OidcLogin:
    found: OidcLogin = current_app.extensions["ibok_oidc"]
    return found


def token() -> str:
    return oidc().access_token()


def logged_in(view: View) -> View:
    """Only for logged-in customers with access; others are told, and their session ends at this click."""

    @functools.wraps(view)
    def checked(*arguments: Any, **named: Any) -> Any:
        g.user = oidc().user()
        if g.user is None:
            return redirect(url_for("oidc.login", next=request.path if request.method == "GET" else "/konto"))
        try:
            return view(*arguments, **named)
        except LoginTooOld:
            return oidc().reauthenticate(request.path)
        except Conflict as conflict:
            if conflict.code != "account_suspended":
                raise
            return _no_access(gettext("Dostęp do konta jest zablokowany"))
        except TokenRefused:
            return _no_access(gettext("To konto nie ma dostępu do iBOK"))

    return checked


def _no_access(title: str) -> Any:
    oidc().end_own_session()
    text = gettext(
        "Zalogowana osoba nie ma teraz dostępu do konta klienta iBOK. Wylogowaliśmy Cię w tej przeglądarce. "
        "Żeby się dowiedzieć dlaczego albo przywrócić dostęp, zadzwoń na infolinię."
    )
    return problem_page(title, text), 403


@portal.app_context_processor
def _shared() -> dict[str, Any]:
    return {"flashed": get_flashed_messages, "address_line": address_line, "device": device}


@portal.get("/konto")
@logged_in
def account() -> Any:
    try:
        mine = client().me(token())
    except (TokenRefused, NotThere):
        return render_template("portal/no_account.html"), 403
    numbers = [each["customer_number"] for each in mine["customer_numbers"]]
    return render_template(
        "portal/account.html",
        me=mine,
        my_tiles=[tile for tile in current_app.extensions["ibok_tiles"] if tile.concerns(numbers)],
        changed=request.args.get("haslo"),
        sessions=oidc().sessions(),
    )


@portal.post("/konto/haslo")
@logged_in
def change_password() -> Any:
    """Keycloak's own action; it asks for the present password when the login is older than five minutes."""
    return oidc().change_password("/konto")


# -- e-mail address ------------------------------------------------------------------------------


@portal.route("/konto/email", methods=["GET", "POST"])
@logged_in
def email() -> Any:
    """Change the address: proved by a link to the new one; the password is asked for again first."""
    if not oidc().logged_in_within(_RECENT_SECONDS):
        return oidc().reauthenticate("/konto/email")
    errors: dict[str, str] = {}
    typed = request.form.get("email", "").strip()[:254]
    if request.method == "POST":
        if typed != request.form.get("email_again", "").strip():
            errors["email_again"] = gettext("Oba adresy e-mail muszą być takie same")
        else:
            within_mail_limit()
            try:
                client().change_email(token(), typed, language())
                flash(gettext("Wysłaliśmy link na nowy adres. Zmiana nastąpi, gdy go użyjesz."))
                return redirect(url_for("portal.account"), 303)
            except Rejected as rejected:
                errors = _errors(rejected)
    return render_template("portal/email.html", errors=errors, typed=typed), 422 if errors else 200


@portal.route("/konto/email/<link>", methods=["GET", "POST"])
def confirm_email(link: str) -> Any:
    """Behind the link to the new address; opening it changes nothing (mail scanners open links), the button does."""
    if request.method == "POST":
        client().confirm_email_change(link)
        return render_template("portal/link_done.html", done="confirmed")
    return render_template("portal/link.html", what="confirm")


@portal.route("/konto/email/cofnij/<link>", methods=["GET", "POST"])
def undo_email(link: str) -> Any:
    """Behind the link to the old address."""
    if request.method == "POST":
        client().undo_email_change(link)
        return render_template("portal/link_done.html", done="undone")
    return render_template("portal/link.html", what="undo")


# -- telephone, correspondence address, language ---------------------------------------------------


@portal.route("/konto/dane", methods=["GET", "POST"])
@logged_in
def contact() -> Any:
    errors: dict[str, str] = {}
    mine = client().me(token())
    typed = request.form if request.method == "POST" else _contact_fields(mine)
    if request.method == "POST":
        try:
            outcome = client().change_contact(token(), _contact(request.form), language())
            flash(
                gettext("Przekazaliśmy zmianę pracownikowi BOK. O odpowiedzi powiadomimy e-mailem.")
                if outcome["asked"]
                else gettext("Zapisaliśmy nowe dane.")
            )
            return redirect(url_for("portal.account"), 303)
        except Rejected as rejected:
            errors = _errors(rejected)
    return render_template("portal/contact.html", errors=errors, typed=typed), 422 if errors else 200


@portal.post("/konto/jezyk")
@logged_in
def change_language() -> Any:
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(404)
    client().change_language(token(), chosen)
    flash(gettext("Zapisaliśmy język wiadomości."))
    return redirect(url_for("portal.account", lang=chosen), 303)


# -- sessions, documents, export -------------------------------------------------------------------


@portal.post("/konto/sesje/<name>/wyloguj")
@logged_in
def end_session(name: str) -> Any:
    if not oidc().end_session(name):
        abort(404)
    flash(gettext("Urządzenie zostało wylogowane."))
    return redirect(url_for("portal.account"), 303)


@portal.get("/konto/dokumenty/<document_id>")
@logged_in
def own_document(document_id: str) -> Response:
    return _passed_on(client().own_document(token(), document_id))


@portal.post("/konto/eksport")
@logged_in
def export() -> Response:
    """Everything we hold of the customer, in one file."""
    return _passed_on(client().export(token()))


# -- terms ---------------------------------------------------------------------------------------------


@portal.route("/konto/regulamin", methods=["GET", "POST"])
@logged_in
def new_terms() -> Any:
    """What changed, and the answer; a refusal is a resignation, explained on the same page."""
    pending = client().terms(token())["pending"]
    if pending is None:
        flash(gettext("Nie ma Regulaminu do zaakceptowania."))
        return redirect(url_for("portal.account"), 303)
    errors: dict[str, str] = {}
    if request.method == "POST":
        answer = request.form.get("answer")
        if answer not in ("accept", "refuse"):
            errors["answer"] = gettext("Wybierz odpowiedź")
        elif request.form.get("terms_version") != pending["terms_version"]:
            errors["answer"] = gettext("Regulamin zmienił się w międzyczasie. Przeczytaj go jeszcze raz")
        else:
            client().answer_terms(token(), pending["terms_version"], accept=answer == "accept")
            flash(
                gettext("Regulamin jest zaakceptowany.")
                if answer == "accept"
                else gettext("Zapisaliśmy odmowę. Rezygnacja jest w toku, potwierdzenie wysłaliśmy e-mailem.")
            )
            return redirect(url_for("portal.account"), 303)
    me = client().me(token())
    return render_template("portal/new_terms.html", pending=pending, errors=errors, me=me), 422 if errors else 200


# -- resignation (S8) ----------------------------------------------------------------------------------


@portal.route("/konto/rezygnacja", methods=["GET", "POST"])
@logged_in
def resignation() -> Any:
    """What ends, what stays; the password is asked for again first."""
    if not oidc().logged_in_within(_RECENT_SECONDS):
        return oidc().reauthenticate("/konto/rezygnacja")
    errors: dict[str, str] = {}
    if request.method == "POST":
        if request.form.get("sure") != "yes":
            errors["sure"] = gettext("Zaznacz, że chcesz zrezygnować")
        else:
            client().resign(token())
            flash(gettext("Przyjęliśmy rezygnację. Potwierdzenie wysłaliśmy e-mailem."))
            return redirect(url_for("portal.account"), 303)
    return render_template("portal/resignation.html", me=client().me(token()), errors=errors), 422 if errors else 200


@portal.post("/konto/rezygnacja/cofnij")
@logged_in
def withdraw_resignation() -> Any:
    client().withdraw_resignation(token())
    flash(gettext("Rezygnacja jest cofnięta. Konto działa jak dotąd."))
    return redirect(url_for("portal.account"), 303)


@portal.get("/wylogowano")
def logged_out() -> str:
    return render_template("portal/logged_out.html")


# -- shared --------------------------------------------------------------------------------------------


def _errors(rejected: Rejected) -> dict[str, str]:
    return {html_id(each.field): each.message for each in rejected.errors}


def _contact_fields(mine: dict[str, Any]) -> dict[str, str]:
    address = mine["correspondence_address"] or {}
    fields = {f"correspondence_address-{name}": value or "" for name, value in address.items()}
    return {"phone": mine["phone"] or "", **fields}


def _contact(form: Any) -> dict[str, Any]:
    """What was typed, in the shape of the API; an empty address is not sent."""
    names = ("street", "house", "flat", "postal_code", "city")
    address = {name: form.get(f"correspondence_address-{name}", "").strip() or None for name in names}
    wanted: dict[str, Any] = {"phone": form.get("phone", "").strip() or None}
    if any(address.values()):
        wanted["correspondence_address"] = address
    return wanted


def _passed_on(answer: Any) -> Response:
    headers = {name: answer.headers[name] for name in ("Content-Type", "Content-Disposition") if name in answer.headers}
    return Response(answer.content, headers=headers)
