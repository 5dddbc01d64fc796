"""Pages for staff. Reading and deciding go through the same use cases as the API."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import Any

from apiflask import APIBlueprint
from flask import Response, abort, current_app, flash, g, get_flashed_messages, redirect, render_template, request, session, url_for
from flask_babel import gettext, ngettext

from ibok_idp.look.flask_look import language
from ibok_idp.oidc_login import LoggedIn, OidcLogin
from provisioning.adapters.files.scan_pages import ROTATIONS, page_count, page_picture
from provisioning.api.application import copy_response, evidence_response, pdf_response, uploaded_scans, wired
from provisioning.domain.actors import Actor
from provisioning.domain.addresses import address_line
from provisioning.domain.application import (
    CLOSED,
    CORRECTABLE,
    TRANSITIONS,
    Action,
    Application,
    RejectedFor,
    Role,
    Status,
    may,
    require_permission,
)
from provisioning.domain.deadline import term
from provisioning.domain.desk import StaffMember
from provisioning.domain.errors import Invalid, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.form.messages import message
from provisioning.staff_ui import words
from provisioning.staff_ui.stale import seen
from provisioning.use_cases.application import decide, register_paper
from provisioning.use_cases.application.add_scans import add_scans
from provisioning.use_cases.application.check_register import check_register
from provisioning.use_cases.application.submit import term_starts_on
from provisioning.use_cases.desk.reveal_pesel import reveal_pesel as reveal
from provisioning.use_cases.desk.work_on_case import add_note, assign, claim, colleagues, release

staff = APIBlueprint("staff", __name__, enable_openapi=False)
View = Callable[..., Any]
_MOST_ALIKE = 5
_PLACES_KEPT = 20
SCALES = [100, 150, 200, 300]


def logged_in(view: View) -> View:
    """Only for logged-in members of staff; others go to the login and come back."""

    @functools.wraps(view)
    def checked(*arguments: Any, **named: Any) -> Any:
        login: OidcLogin = current_app.extensions["ibok_oidc"]
        if login.user() is not None:  # O07: a session that Keycloak ended ends here; before a deed its word is asked anew
            login.access_token(fresh=request.method == "POST")
        user = login.user()
        if user is None:
            return redirect(url_for("oidc.login", next=request.full_path if request.method == "GET" else "/"))
        if user.roles.isdisjoint(role.value for role in Role):
            abort(403)
        g.user = user
        _remember_colleague(user)
        return view(*arguments, **named)

    return checked


def _remember_colleague(user: LoggedIn) -> None:
    """Once a day: so that cases can be handed over to people by name."""
    now = wired().services.clock.now()
    if session.get("seen_on") == now.date().isoformat():
        return
    with wired().services.work() as work:
        work.desk.seen(StaffMember(user.username, user.name, sorted(user.roles & {role.value for role in Role}), now))
    session["seen_on"] = now.date().isoformat()


@staff.app_context_processor
def _shared() -> dict[str, Any]:
    user: LoggedIn | None = g.get("user")
    roles = [str(words.ROLE[role]) for role in Role if user and role.value in user.roles]
    return {
        "user": user,
        "user_roles": ", ".join(roles),
        "words": words,
        "may": may_now,
        "Action": Action,
        "flashed": get_flashed_messages,
        "seen": seen,
    }


@staff.get("/wniosek/<reference>")
@logged_in
def application(reference: str) -> str:
    """Data beside the scan: `?plik=` opens the viewer, `strona`, `obrot` and `skala` keep its place."""
    return _application_page(reference)


@staff.post("/wniosek/<reference>/<any(review,approve,complete):name>")
@logged_in
def act(reference: str, name: str) -> Any:
    """Decisions that need no reason."""
    act_now = {"review": decide.review, "approve": decide.approve, "complete": decide.complete}[name]
    try:
        act_now(wired().services, actor(), reference, typed_version())
    except Invalid:  # late, or something alike: the registrar's reason is needed
        return redirect(url_for("staff.act_with_reason", reference=reference, name="approve-with-reason"), 303)
    except NotPossible as error:
        if not _own_double_click(reference, Action(name), error):
            raise
    flash(
        {
            "review": gettext("Wniosek jest w weryfikacji."),
            "approve": gettext("Zatwierdzono. Konto powstaje, login i hasło tymczasowe wyślemy e-mailem."),
            "complete": gettext("Wniosek wrócił do weryfikacji."),
        }[name]
    )
    return redirect(url_for("staff.application", reference=reference), 303)


@staff.get("/wniosek/<reference>/termin")
@logged_in
def why_this_day(reference: str) -> str:
    """ "Dlaczego ten dzień?": the sum behind the legal term (S4), day by day."""
    found, services = load(reference), wired().services
    rules = services.rules
    start = term_starts_on(services, found)
    if start is None:
        abort(404)
    days = term(start, rules.term_days, rules.term_unit, services.is_holiday)
    return render_template(
        "staff/term.html", application=found, days=days, start=start, rules=rules, is_holiday=services.is_holiday
    )


@staff.route(
    '/wniosek/<reference>/<any(reject, withdraw, "request-completion", "approve-with-reason"):name>', methods=["GET", "POST"]
)
@logged_in
def act_with_reason(reference: str, name: str) -> Any:
    """Decisions with a reason have a page of their own: no dialog, nothing to click by mistake."""
    action = Action.APPROVE if name == "approve-with-reason" else Action(name)
    require_permission(g.user.roles, action)
    found = load(reference)
    errors: dict[str, str] = {}
    if request.method == "POST":
        use_cases: dict[Action, Callable[..., Application]] = {
            Action.APPROVE: decide.approve,
            Action.REJECT: decide.reject,
            Action.WITHDRAW: decide.withdraw,
            Action.REQUEST_COMPLETION: decide.request_completion,
        }
        try:
            silent = action is Action.REJECT and request.form.get("silent") == "yes"
            more = {"silent": silent, "rejected_for": _rejected_for()} if action is Action.REJECT else {}
            use_cases[action](wired().services, actor(), reference, typed_version(), request.form.get("reason"), **more)
        except Invalid as invalid:
            errors = {each.field: message(each, language()) for each in invalid.errors}
        except NotPossible as error:
            if not _own_double_click(reference, action, error):
                raise
        if not errors:
            if action is Action.APPROVE:
                flash(gettext("Zatwierdzono. Konto powstaje, login i hasło tymczasowe wyślemy e-mailem."))
            elif action is Action.WITHDRAW:
                flash(gettext("Wniosek wycofany."))
            elif silent:
                flash(gettext("Zapisano. Klient nie dostanie wiadomości."))
            else:
                flash(gettext("Zapisano. Klient dostanie e-mail."))
            return redirect(url_for("staff.application", reference=reference), 303)
    with wired().services.work() as work:
        asked = decide.asks_for_reason(wired().services, work, found) if action is Action.APPROVE else frozenset()
    page = render_template(
        "staff/reason.html", application=found, action=action, asked=asked, errors=errors, typed=request.form.get("reason", "")
    )
    return page, 422 if errors else 200


@staff.route("/wniosek/<reference>/record-paper", methods=["GET", "POST"])
@logged_in
def record_paper(reference: str) -> Any:
    require_permission(g.user.roles, Action.RECORD_PAPER)
    found = load(reference)
    errors: dict[str, str] = {}
    if request.method == "POST":
        signed_on, filed_on = _date("signed_on", errors), _date("filed_on", errors)
        if signed_on and filed_on:
            try:
                register_paper.record_paper(
                    wired().services, actor(), reference, typed_version(), signed_on=signed_on, filed_on=filed_on
                )
            except Invalid as invalid:
                errors = {each.field: message(each, language()) for each in invalid.errors}
        if not errors:
            flash(gettext("Papier zarejestrowany, wniosek jest złożony."))
            return redirect(url_for("staff.application", reference=reference), 303)
    today = wired().services.clock.today().isoformat()
    return render_template("staff/record_paper.html", application=found, errors=errors, today=today), 422 if errors else 200


@staff.get("/wniosek/<reference>/druk.pdf")
@logged_in
def form_pdf(reference: str) -> Response:
    found = load(reference)
    with wired().services.work() as work:
        work.audit.write(actor(), "application.form_opened", reference, {}, wired().services.clock.now())
    return pdf_response(found)


@staff.post("/wniosek/<reference>/kopia")
@logged_in
def print_copy(reference: str) -> Response:
    """S3: the stamped copy for the customer, opened for printing."""
    return copy_response(actor(), g.user.name, reference)


@staff.post("/wniosek/<reference>/pesel")
@logged_in
def reveal_pesel(reference: str) -> str:
    """A logged reveal: shown once, in the answer to a POST, never in a URL or a list."""
    reveal(wired().services, actor(), reference, on="page")
    return _application_page(reference, reveal=True)


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
        work.audit.write(actor(), "document.opened", reference, {"sha256": found.sha256}, wired().services.clock.now())
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
        work.audit.write(actor(), "document.original_opened", reference, {"sha256": found.sha256}, wired().services.clock.now())
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
        return _application_page(reference, errors=errors), 422
    flash(ngettext("Dodano %(num)d plik.", "Dodano %(num)d plików.", len(documents)))
    return redirect(url_for("staff.application", reference=reference, plik=documents[0].document_id), 303)


@staff.post("/wniosek/<reference>/notatka")
@logged_in
def write_note(reference: str) -> Any:
    try:
        add_note(wired().services, actor(), reference, request.form.get("note", ""))
    except Invalid as invalid:
        return _application_page(reference, errors={each.field: message(each, language()) for each in invalid.errors}), 422
    flash(gettext("Notatka zapisana."))
    return redirect(url_for("staff.application", reference=reference), 303)


@staff.post("/wniosek/<reference>/przekaz")
@logged_in
def assign_case(reference: str) -> Any:
    """Hand a case to a colleague."""
    try:
        assign(wired().services, actor(), reference, request.form.get("colleague", ""))
    except Invalid as invalid:
        return _application_page(reference, errors={each.field: message(each, language()) for each in invalid.errors}), 422
    flash(gettext("Wniosek przekazany."))
    return redirect(url_for("staff.application", reference=reference), 303)


@staff.route("/wniosek/<reference>/dopisz/<login>", methods=["GET", "POST"])
@logged_in
def add_to_account(reference: str, login: str) -> Any:
    """The customer number goes to an account the customer has already; no new login, no new password."""
    require_permission(g.user.roles, Action.ADD_TO_ACCOUNT)
    services, found = wired().services, load(reference)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            decide.add_to_account(services, actor(), reference, typed_version(), login, request.form.get("reason"))
            flash(gettext("Numer dopisany do konta %(login)s. Klient dostanie e-mail.", login=login))
            return redirect(url_for("staff.application", reference=reference), 303)
        except Invalid as invalid:
            errors = {each.field: message(each, language()) for each in invalid.errors}
    with services.work() as work:
        account = work.accounts.get(login)
        asked = decide.asks_for_reason(services, work, found, besides=account.login)
    page = render_template("staff/add_to_account.html", application=found, account=account, asked=asked, errors=errors)
    return page, 422 if errors else 200


@staff.post("/wniosek/<reference>/<any(przypisz, oddaj):what>")
@logged_in
def claim_case(reference: str, what: str) -> Any:
    """ "Zajmuję się tym", for four hours, or give it back."""
    (claim if what == "przypisz" else release)(wired().services, actor(), reference)
    return redirect(url_for("staff.application", reference=reference), 303)


@staff.get("/wniosek/<reference>/plik/<document_id>/strona/<int:number>.png")
@logged_in
def page_of_scan(reference: str, document_id: str, number: int) -> Response:
    """One page as a picture, for the viewer; opening the viewer was written into the audit."""
    with wired().services.work() as work:
        found = work.documents.get(reference, document_id)
    rotation = request.args.get("obrot", "0")
    picture = page_picture(found, number, int(rotation) if rotation in ("0", "90", "180", "270") else 0)
    return Response(picture, mimetype="image/png")


@staff.post("/wniosek/<reference>/dowody")
@logged_in
def evidence(reference: str) -> Response:
    """The evidence pack: everything that proves this application, in one ZIP."""
    return evidence_response(actor(), reference)


@staff.get("/wylogowano")
def logged_out() -> str:
    return render_template("staff/logged_out.html")


def actor() -> Actor:
    user: LoggedIn = g.user
    return Actor(user.username, user.roles, request.remote_addr)


def _viewer(reference: str) -> dict[str, Any] | None:
    """What the viewer shows; opening a file anew is an entry of the audit."""
    document_id = request.args.get("plik")
    if not document_id or request.method != "GET":
        return None
    with wired().services.work() as work:
        found = work.documents.get(reference, document_id)
        if "strona" not in request.args:
            work.audit.write(actor(), "document.opened", reference, {"sha256": found.sha256}, wired().services.clock.now())

    places = dict(session.get("viewer", {}))
    kept = places.get(document_id, {})

    def number(name: str, allowed: list[int]) -> int:
        typed = request.args.get(name, "") or str(kept.get(name, ""))
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 and int(typed) in allowed else allowed[0]

    pages = page_count(found)
    page = number("strona", list(range(1, pages + 1)))
    place = {"strona": page, "obrot": number("obrot", list(ROTATIONS)), "skala": number("skala", SCALES)}
    places.pop(document_id, None)
    session["viewer"] = dict([*places.items(), (document_id, place)][-_PLACES_KEPT:])
    return {
        "document": found,
        "pages": pages,
        "page": page,
        "rotation": place["obrot"],
        "scale": place["skala"],
    }


def _application_page(reference: str, *, reveal: bool = False, errors: dict[str, str] | None = None) -> str:
    services = wired().services
    viewer = _viewer(reference)
    with services.work() as work:
        found = work.applications.get(reference)
        account = work.accounts.by_reference(reference)
        register = check_register(services, work, found)
        alike = work.applications.alike(found, _MOST_ALIKE + 1) if found.status not in CLOSED else []
        notes, taken = work.cases.notes_of(reference), work.cases.claims([reference], services.clock.now()).get(reference)
        colleagues_here = colleagues(services, work) if may_now(Action.ASSIGN) else []
        mails, documents, history = work.mails.of(reference), work.documents.of(reference), work.audit.of(reference)
    form = services.forms[found.form_version]
    activation = next((mail for mail in mails if mail.kind is MailKind.ACTIVATED), None)
    return render_template(
        "staff/application.html",
        application=found,
        form=form,
        account=account,
        trouble=words.trouble(account, activation.recipient if activation else found.email) if account else None,
        mails=mails,
        documents=documents,
        history=[words.audit_line(line) for line in history],
        badge=words.due_badge(found, services.clock.today()),
        revealed=reveal,
        address_line=address_line,
        register=register,
        alike=alike[:_MOST_ALIKE],
        more_alike=len(alike) > _MOST_ALIKE,
        notes=notes,
        taken=taken,
        mine=taken == g.user.username,
        colleagues=colleagues_here,
        correctable=found.status in CORRECTABLE and may_now(Action.CORRECT),
        addable=_approvable(found, form.codes) and Status.APPROVED in TRANSITIONS[found.status] and may_now(Action.ADD_TO_ACCOUNT),
        open_case=found.status not in CLOSED,
        viewer=viewer,
        scales=SCALES,
        errors=errors or {},
        may_add_files=found.status not in CLOSED and may_now(Action.ADD_SCAN),
        actions=_actions(found, form.codes),
        refused=[code for code in form.codes if not found.clauses.get(code)],
        complete_for_approval=_approvable(found, form.codes),
    )


def _actions(found: Application, clause_codes: tuple[str, ...]) -> list[Action]:
    """The buttons that make sense now and that the role allows."""
    leads_to = {
        Action.REVIEW: Status.IN_REVIEW,
        Action.APPROVE: Status.APPROVED,
        Action.REQUEST_COMPLETION: Status.INCOMPLETE,
        Action.COMPLETE: Status.IN_REVIEW,
        Action.REJECT: Status.REJECTED,
        Action.WITHDRAW: Status.WITHDRAWN,
    }
    possible = [action for action, status in leads_to.items() if status in TRANSITIONS[found.status]]
    if found.status is Status.INCOMPLETE:
        possible.remove(Action.REVIEW)
    elif Action.COMPLETE in possible:
        possible.remove(Action.COMPLETE)
    if Action.APPROVE in possible and not _approvable(found, clause_codes):  # S2: no button either
        possible.remove(Action.APPROVE)
    if found.status is Status.UNCONFIRMED:
        possible.append(Action.RECORD_PAPER)
    order = [
        Action.APPROVE,
        Action.COMPLETE,
        Action.RECORD_PAPER,
        Action.REVIEW,
        Action.REQUEST_COMPLETION,
        Action.REJECT,
        Action.WITHDRAW,
    ]
    return [action for action in order if action in possible and may_now(action)]


def _approvable(found: Application, clause_codes: tuple[str, ...]) -> bool:
    try:
        found.require_approvable(clause_codes)
    except NotPossible:
        return False
    return True


def _own_double_click(reference: str, action: Action, error: NotPossible) -> bool:
    """The second half of a double click: the decision is there already, by the same person, and is one decision."""
    outcome = {
        Action.APPROVE: (Status.APPROVED, Status.REGISTERED),
        Action.REJECT: (Status.REJECTED,),
        Action.WITHDRAW: (Status.WITHDRAWN,),
    }
    if error.code not in ("stale_version", "wrong_state") or action not in outcome:
        return False
    found = load(reference)
    return found.status in outcome[action] and found.decided_by == g.user.username


def may_now(action: Action) -> bool:
    """Whether the person of this request may do it."""
    user: LoggedIn | None = g.get("user")
    return user is not None and may(user.roles, action)


def load(reference: str) -> Application:
    with wired().services.work() as work:
        return work.applications.get(reference)


def _rejected_for() -> RejectedFor:
    typed = request.form.get("rejected_for", "")
    return RejectedFor(typed) if typed in list(RejectedFor) else RejectedFor.OTHER


def typed_version() -> int:
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _date(name: str, errors: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        errors[name] = gettext("Wpisz datę, na przykład 24.11.2026")
        return None
