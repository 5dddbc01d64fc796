"""Pages for staff. Reading and deciding go through the same use cases as the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext

from ibok_idp.look.flask_look import language
from provisioning.adapters.files.scan_pages import ROTATIONS, page_count
from provisioning.domain.application import CLOSED, CORRECTABLE, TRANSITIONS, Application, RejectedFor, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.deadline import term
from provisioning.domain.document import Document
from provisioning.domain.doubts import ScanCheck, checks_needed
from provisioning.domain.errors import Invalid, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.form.messages import message
from provisioning.http import wired
from provisioning.ports.work import Work
from provisioning.staff_ui import audit_words, words
from provisioning.staff_ui.badges import due_badge
from provisioning.staff_ui.blueprint import actor, load, logged_in, may_now, staff, typed_version
from provisioning.staff_ui.queue import last_filter, last_queue
from provisioning.staff_ui.viewer import SCALES, Viewer
from provisioning.use_cases.application import decide, register_paper
from provisioning.use_cases.application.doubts import check_scan, doubts, look_at
from provisioning.use_cases.application.submit import term_starts_on
from provisioning.use_cases.desk.reveal_pesel import reveal_pesel as reveal
from provisioning.use_cases.desk.work_on_case import colleagues

_MOST_ALIKE = 5
_PLACES_KEPT = 20


@staff.get("/wniosek/<reference>")
@logged_in
def application(reference: str) -> str:
    """Data beside the scan: `?plik=` opens the viewer, `strona`, `obrot` and `skala` keep its place."""
    return application_page(reference)


@staff.post("/wniosek/<reference>/<any(review,approve,complete):name>")
@logged_in
def act(reference: str, name: str) -> Any:
    """Decisions that need no reason."""
    act_now = {"review": decide.review, "approve": decide.approve, "complete": decide.complete}[name]
    try:
        act_now(wired().services, actor(), reference, typed_version())
    except Invalid:  # something speaks against it: the registrar's reason is needed
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
    services = wired().services
    with services.work() as work:
        asked = doubts(services, found, look_at(services, work, found)) if action is Action.APPROVE else frozenset()
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


@staff.post("/wniosek/<reference>/pesel")
@logged_in
def reveal_pesel(reference: str) -> str:
    """A logged reveal: shown once, in the answer to a POST, never in a URL or a list."""
    reveal(wired().services, actor(), reference, on="page")
    return application_page(reference, reveal=True)


@staff.post("/wniosek/<reference>/skan")
@logged_in
def scan_checked(reference: str) -> Any:
    """ "Zgodność ze skanem": the ticks of the page, all of them."""
    seen = frozenset(each for each in ScanCheck if each in request.form.getlist("seen"))
    check_scan(wired().services, actor(), reference, seen)
    flash(gettext("Zapisano, co zgadza się ze skanem."))
    return redirect(url_for("staff.application", reference=reference), 303)


@staff.get("/wniosek/<reference>/nastepny")
@logged_in
def next_case(reference: str) -> Any:
    """The next undecided application of the queue as this person last saw it, without those somebody else works on."""
    services = wired().services
    with services.work() as work:
        found = work.applications.page(last_filter())
        taken = work.cases.claims([each.reference for each in found.applications], services.clock.now())
    for each in found.applications:
        if (
            each.reference != reference
            and each.status in CORRECTABLE
            and taken.get(each.reference, g.user.username) == g.user.username
        ):
            return redirect(url_for("staff.application", reference=each.reference))
    flash(gettext("W tym widoku nie ma już nic do zrobienia."))
    return redirect(last_queue())


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
        asked = doubts(services, found, look_at(services, work, found), besides=account.login)
    page = render_template("staff/add_to_account.html", application=found, account=account, asked=asked, errors=errors)
    return page, 422 if errors else 200


@staff.get("/wylogowano")
def logged_out() -> str:
    return render_template("staff/logged_out.html")


def _opened(work: Work, reference: str, documents: list[Document]) -> Document | None:
    """The file that stands beside the data: the one asked for (`plik=` closes it), else the first."""
    wanted = request.args.get("plik")
    if wanted is None and documents:
        wanted = documents[0].document_id
    return work.documents.get(reference, wanted) if wanted else None


def _viewer(work: Work, reference: str, document: Document) -> Viewer:
    """At the place where this person last had the file; opening one anew is audited."""
    places = dict(session.get("viewer", {}))
    kept = places.pop(document.document_id, {})
    if not kept:
        details = {"sha256": document.sha256}
        work.audit.write(actor(), AuditAction.DOCUMENT_OPENED, reference, details, wired().services.clock.now())

    def number(name: str, allowed: Sequence[int]) -> int:
        typed = request.args.get(name, "") or str(kept.get(name, ""))
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 and int(typed) in allowed else allowed[0]

    pages = kept.get("pages") or page_count(document)
    page, rotation, scale = number("strona", range(1, pages + 1)), number("obrot", ROTATIONS), number("skala", SCALES)
    place = {"strona": page, "obrot": rotation, "skala": scale, "pages": pages}
    session["viewer"] = dict([*places.items(), (document.document_id, place)][-_PLACES_KEPT:])
    pictures = partial(url_for, "staff.page_of_scan", reference=reference, document_id=document.document_id)

    def link(page: int, rotation: int, scale: int) -> str:
        return url_for(
            "staff.application",
            reference=reference,
            plik=document.document_id,
            strona=page,
            obrot=rotation,
            skala=scale,
            _anchor="skan",
        )

    return Viewer(document.name, pages, pictures, link, page, rotation, scale)


def application_page(reference: str, *, reveal: bool = False, errors: dict[str, str] | None = None) -> str:
    services = wired().services
    with services.work() as work:
        found = work.applications.get(reference)
        undecided = found.status not in CLOSED
        account = work.accounts.by_reference(reference)
        looked = look_at(services, work, found)
        notes, taken = work.cases.notes_of(reference), work.cases.claims([reference], services.clock.now()).get(reference)
        colleagues_here = colleagues(services, work) if may_now(Action.ASSIGN) else []
        mails, opened = work.mails.of(reference), _opened(work, reference, looked.documents)
        viewer = _viewer(work, reference, opened) if opened else None
        history = work.audit.of(reference)
    form = services.forms[found.form_version]
    activation = next((mail for mail in mails if mail.kind is MailKind.ACTIVATED), None)
    return render_template(
        "staff/application.html",
        application=found,
        form=form,
        account=account,
        trouble=words.trouble(account, activation.recipient if activation else found.email) if account else None,
        mails=mails,
        documents=looked.documents,
        history=audit_words.folded(history),
        badge=due_badge(found, services.clock.today()),
        revealed=reveal,
        register=looked.register,
        alike=looked.alike[:_MOST_ALIKE] if undecided else [],
        more_alike=len(looked.alike) > _MOST_ALIKE,
        notes=notes,
        taken=taken,
        mine=taken == g.user.username,
        colleagues=colleagues_here,
        correctable=found.status in CORRECTABLE and may_now(Action.CORRECT),
        addable=_approvable(found, form.codes) and Status.APPROVED in TRANSITIONS[found.status] and may_now(Action.ADD_TO_ACCOUNT),
        open_case=undecided,
        doubts=sorted(doubts(services, found, looked)) if found.status in CORRECTABLE else [],
        forbidden=services.rules.forbidden,
        checks_needed=[each for each in ScanCheck if each in checks_needed(found)],
        checked={each.what: each for each in looked.checks},
        may_check=found.status in CORRECTABLE and may_now(Action.CHECK_SCAN),
        next_case=found.status not in CORRECTABLE and may_now(Action.REVIEW),
        back=last_queue(),
        opened=opened,
        viewer=viewer,
        scales=SCALES,
        errors=errors or {},
        may_add_files=undecided and may_now(Action.ADD_SCAN),
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


def _rejected_for() -> RejectedFor:
    typed = request.form.get("rejected_for", "")
    return RejectedFor(typed) if typed in list(RejectedFor) else RejectedFor.OTHER


def _date(name: str, errors: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        errors[name] = gettext("Wpisz datę, na przykład 24.11.2026")
        return None
