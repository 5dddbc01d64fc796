"""Staff pages of accounts: one account with everything that happened to it, and what may be done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from ibok_idp.look.flask_look import language
from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.addresses import address_line
from provisioning.domain.erasure import ErasureDecision
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, may, require_permission
from provisioning.form.messages import message
from provisioning.http import wired
from provisioning.ports.services import Services
from provisioning.staff_ui import audit_words, words
from provisioning.staff_ui.badges import day_badge
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.use_cases.account import change_contact, erase, misdirected, resign, suspend
from provisioning.use_cases.account.follow_keycloak import KINDS
from provisioning.use_cases.account.seen_in_keycloak import CONSOLE
from provisioning.use_cases.application.decide import required_reason
from provisioning.use_cases.messages.undelivered import mark_handled
from provisioning.use_cases.terms.report import terms_report

_S = AccountState
_PAGE = 200
_NOT_LOGGED_IN_DAYS = 7
_LIVE = frozenset({_S.AWAITING_FIRST_LOGIN, _S.ACTIVE})


@dataclass(frozen=True)
class Deed:
    """One thing staff may do to an account: a page with a sentence, its fields and one button.

    Attributes:
        states: where it makes sense; elsewhere there is no button (and the use case refuses).
        fields: inputs of the page: reason, secret, email, names, customer_number, received_on, channel.
    """

    action: Action
    states: frozenset[AccountState]
    explained: Any
    done: Any
    fields: tuple[str, ...]
    act: Callable[[Services, str, dict[str, str]], Any]
    warning: bool = False


def _end_contract(services: Services, login: str, typed: dict[str, str]) -> Account:
    if not typed.get("customer_number"):
        raise Invalid([FieldError("customer_number", "required")])
    return resign.end_contract(services, actor(), login, typed["customer_number"])


def _enter_erasure(services: Services, login: str, typed: dict[str, str]) -> Any:
    try:
        received_on = date.fromisoformat(typed.get("received_on", ""))
    except ValueError as error:
        raise Invalid([FieldError("received_on", "invalid_date")]) from error
    if typed.get("channel") not in ("office", "post", "email", "portal"):
        raise Invalid([FieldError("channel", "invalid_choice")])
    return erase.enter_erasure_request(services, actor(), login, received_on, typed["channel"])


DEEDS: dict[str, Deed] = {
    "resend": Deed(
        Action.RESEND,
        _LIVE,
        _("Wyślemy nowe hasło tymczasowe na adres konta. Wcześniejsze hasła tymczasowe przestaną działać."),
        _("Nowe hasło tymczasowe jest w drodze."),
        (),
        lambda o, login, _t: misdirected.resend(o, actor(), login),
    ),
    "correct-address": Deed(
        Action.CORRECT_ADDRESS,
        _LIVE | {_S.SUSPENDED, _S.RESIGNING},
        _("Wpisz adres potwierdzony z klientem. Potem wyślij hasło ponownie."),
        _("Adres zapisany."),
        ("email", "reason"),
        lambda o, login, t: misdirected.correct_address(o, actor(), login, t.get("email", ""), t.get("reason")),
    ),
    "correct-names": Deed(
        Action.CORRECT_NAMES,
        _LIVE | {_S.SUSPENDED, _S.RESIGNING},
        _("Tak klient będzie nazwany w Keycloak. We wniosku zostaje to, co złożono. Bez znaków / ( ) [ ] i podobnych."),
        _("Imię i nazwisko zapisane."),
        ("names", "reason"),
        lambda o, login, t: misdirected.correct_names(
            o, actor(), login, t.get("first_name", ""), t.get("last_name", ""), t.get("reason")
        ),
    ),
    "misdirected": Deed(
        Action.MISDIRECTED,
        _LIVE | {_S.SUSPENDED, _S.RESIGNING},
        _(
            "Wiadomość z hasłem trafiła do niewłaściwej osoby. Hasło tymczasowe przestanie działać od razu, sesje się zakończą, "
            "a zdarzenie zapiszemy dla inspektora ochrony danych. Żadne hasło nie wyjdzie, dopóki adres nie będzie potwierdzony."
        ),
        _("Hasło unieważnione, incydent zapisany. Zawiadom inspektora ochrony danych."),
        ("note",),
        lambda o, login, t: misdirected.mark_misdirected(o, actor(), login, t.get("reason")),
        warning=True,
    ),
    "suspend": Deed(
        Action.SUSPEND,
        _LIVE | {_S.RESIGNING},
        _(
            "Sesje klienta zakończą się, a logowanie będzie zamknięte. Klient dostanie e-mail z powodem, chyba że zaznaczysz inaczej."
        ),
        _("Konto zablokowane."),
        ("reason", "secret"),
        lambda o, login, t: suspend.suspend(o, actor(), login, t.get("reason"), secret=t.get("secret") == "yes"),
        warning=True,
    ),
    "resume": Deed(
        Action.RESUME,
        frozenset({_S.SUSPENDED, _S.RESIGNING}),
        _("Klient znów będzie mógł się logować i dostanie o tym e-mail."),
        _("Konto odblokowane."),
        ("note",),
        lambda o, login, t: suspend.resume(o, actor(), login, t.get("reason")),
    ),
    "resign": Deed(
        Action.RESIGN,
        _LIVE | {_S.SUSPENDED},
        _("Wpisujesz rezygnację złożoną na papierze, e-mailem albo przez telefon. Klient dostanie potwierdzenie z PDF."),
        _("Rezygnacja przyjęta."),
        (),
        lambda o, login, _t: resign.resign(o, login, actor=actor()),
    ),
    "withdraw-resignation": Deed(
        Action.RESIGN,
        frozenset({_S.RESIGNING}),
        _("Konto wróci do stanu sprzed rezygnacji, a klient dostanie e-mail."),
        _("Rezygnacja cofnięta."),
        (),
        lambda o, login, _t: resign.withdraw_resignation(o, login, actor()),
    ),
    "end-contract": Deed(
        Action.END_CONTRACT,
        _LIVE | {_S.SUSPENDED, _S.RESIGNING},
        _("Numer ewidencyjny zniknie z konta. Konto zamknie się dopiero, gdy nie zostanie żaden, i po okresie wypowiedzenia."),
        _("Numer zdjęty z konta."),
        ("customer_number",),
        _end_contract,
    ),
    "enter-erasure": Deed(
        Action.ENTER_ERASURE,
        frozenset(_S) - {_S.ANONYMISED},
        _("Żądanie usunięcia danych (art. 17 RODO) ma własny, miesięczny termin i własną odpowiedź."),
        _("Żądanie wpisane do rejestru."),
        ("received_on", "channel"),
        _enter_erasure,
    ),
    "delete": Deed(
        Action.DELETE,
        frozenset(_S) - {_S.DELETED, _S.ANONYMISED},
        _("Użytkownik zniknie z Keycloak od razu. Loginu nie da się już nikomu przydzielić. Tego nie można cofnąć."),
        _("Konto usunięte."),
        ("reason",),
        lambda o, login, t: resign.delete_account(o, actor(), login, required_reason(t.get("reason"))),
        warning=True,
    ),
}


@staff.get("/konto/<login>")
@logged_in
def account(login: str) -> str:
    """State, history, mails, logins, requests of one account."""
    with wired().services.work() as work:
        found = work.accounts.get(login)
        application = work.applications.get(found.reference)
        mails = work.mails.of(found.reference)
        history = work.audit.of(found.reference)
        events = work.events.of(found.login, (*KINDS.values(), CONSOLE), 20)
        incidents, requests = work.incidents.of(found.login), work.change_requests.of(found.login)
        erasures, changes, reset = (
            work.erasures.of(found.login),
            work.email_changes.of(found.login),
            work.resets.newest_of(found.login),
        )
    activation = next((mail for mail in reversed(mails) if mail.kind is MailKind.ACTIVATED), None)
    return render_template(
        "staff/account.html",
        account=found,
        application=application,
        console=_in_console(found),
        mails=mails,
        history=[audit_words.audit_line(line) for line in history],
        events=[(words.account_event(event), event) for event in events],
        incidents=incidents,
        requests=requests,
        erasures=erasures,
        changes=changes,
        reset=reset,
        trouble=words.trouble(found, activation.recipient if activation else found.email),
        deeds=[
            (name, deed)
            for name, deed in DEEDS.items()
            if found.state in deed.states and may(g.user.roles, deed.action) and _makes_sense(name, found)
        ],
    )


@staff.route("/konto/<login>/<name>", methods=["GET", "POST"])
@logged_in
def account_deed(login: str, name: str) -> Any:
    """A page of its own for each deed: what will happen, its fields, one button."""
    deed = DEEDS.get(name) or abort(404)
    require_permission(g.user.roles, deed.action)
    with wired().services.work() as work:
        found = work.accounts.get(login)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            deed.act(wired().services, found.login, request.form.to_dict())
            flash(str(deed.done))
            return redirect(url_for("staff.account", login=found.login), 303)
        except Invalid as invalid:
            errors = {each.field: message(each, language()) for each in invalid.errors}
        except NotPossible as error:
            if not _second_click(found.login, name, error):
                raise
            flash(str(deed.done))
            return redirect(url_for("staff.account", login=found.login), 303)
    page = render_template(
        "staff/account_deed.html",
        account=found,
        name=name,
        deed=deed,
        errors=errors,
        typed=request.form,
        today=wired().services.clock.today().isoformat(),
    )
    return page, 422 if errors else 200


@staff.get("/zadania")
@logged_in
def tasks() -> str:
    """What waits for staff besides applications: changes of contact data, requests to erase data."""
    with wired().services.work() as work:
        waiting, erasures = work.change_requests.waiting(200), work.erasures.page(200)
        undelivered = [(mail, work.applications.get(mail.reference)) for mail in work.mails.undelivered(200)]
    today = wired().services.clock.today()
    badges = {each.request_id: day_badge(each.due_on, today, closed=each.decision is not None) for each in erasures}
    return render_template(
        "staff/tasks.html",
        worker=wired().duties.worker(),
        undelivered=undelivered,
        waiting=waiting,
        erasures=erasures,
        badges=badges,
        address_line=address_line,
    )


@staff.post("/zadania/mail")
@logged_in
def mail_handled() -> Any:
    """A mail that did not arrive has been dealt with, on the telephone for instance."""
    mark_handled(wired().services, actor(), request.form.get("message_id", ""))
    flash(gettext("Załatwione."))
    return redirect(url_for("staff.tasks"), 303)


@staff.get("/zadania/niezalogowani")
@logged_in
def never_logged_in() -> str:
    """Who has not logged in so many days after the mail with the temporary password."""
    typed = request.args.get("dni", "")
    days = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else _NOT_LOGGED_IN_DAYS
    services = wired().services
    with services.work() as work:
        accounts = work.accounts.never_logged_in(services.clock.now() - timedelta(days=days), _PAGE)
        rows = [(each, work.applications.get(each.reference)) for each in accounts]
    return render_template("staff/never_logged_in.html", rows=rows, days=days, now=services.clock.now(), most=_PAGE)


@staff.post("/zadania/zmiana/<request_id>")
@logged_in
def answer_change(request_id: str) -> Any:
    require_permission(g.user.roles, Action.ANSWER_CHANGE)
    done = request.form.get("outcome") == "done"
    try:
        change_contact.answer_change_request(wired().services, actor(), request_id, done=done, reason=request.form.get("reason"))
    except Invalid:
        flash(gettext("Wpisz powód odmowy, dostanie go klient."))
        return redirect(url_for("staff.tasks"), 303)
    flash(gettext("Zapisano. Klient dostanie e-mail."))
    return redirect(url_for("staff.tasks"), 303)


@staff.route("/zadania/rodo/<request_id>", methods=["GET", "POST"])
@logged_in
def decide_erasure(request_id: str) -> Any:
    require_permission(g.user.roles, Action.DECIDE_ERASURE)
    with wired().services.work() as work:
        found = work.erasures.locked(request_id)
    errors: dict[str, str] = {}
    if request.method == "POST":
        decision = request.form.get("decision", "")
        if decision not in list(ErasureDecision):
            errors["decision"] = gettext("Wybierz decyzję")
        else:
            try:
                erase.decide_erasure(wired().services, actor(), request_id, ErasureDecision(decision), request.form.get("ground"))
                flash(gettext("Zapisano. Klient dostanie odpowiedź e-mailem."))
                return redirect(url_for("staff.tasks"), 303)
            except NotPossible as error:
                if error.code != "ground_missing":
                    raise
                errors["ground"] = gettext("Podaj podstawę prawną, na której dane zostają")
            except Invalid as invalid:
                errors = {each.field: message(each, language()) for each in invalid.errors}
    return render_template("staff/erasure.html", found=found, errors=errors, typed=request.form), 422 if errors else 200


@staff.get("/regulamin")
@logged_in
def terms() -> str:
    """Who accepted which Regulamin, and who has not answered the newest."""
    require_permission(g.user.roles, Action.READ_TERMS)
    return render_template("staff/terms.html", report=terms_report(wired().services))


@staff.get("/regulamin/<version>")
@logged_in
def terms_answers(version: str) -> str:
    """Everybody who answered one version of the Regulamin, and how."""
    require_permission(g.user.roles, Action.READ_TERMS)
    if version not in {form.terms_version for form in wired().services.forms.values()}:
        abort(404)
    with wired().services.work() as work:
        found = work.terms.answers(version, request.args.get("after", "")[:64], _PAGE + 1)
    following = url_for("staff.terms_answers", version=version, after=found[_PAGE - 1][0]) if len(found) > _PAGE else None
    return render_template("staff/terms_answers.html", version=version, answers=found[:_PAGE], next_page=following)


def _makes_sense(name: str, account: Account) -> bool:
    """While a resignation runs the account may be open or suspended meanwhile."""
    return {"suspend": account.may_log_in, "resume": account.is_suspended}.get(name, True)


def _in_console(account: Account) -> str | None:
    """The address of the user in Keycloak's console; None when Keycloak holds none (any more)."""
    if account.user_id is None or account.must_be_gone:
        return None
    settings = wired().settings
    return f"{str(settings.keycloak_url).rstrip('/')}/admin/master/console/#/{settings.realm}/users/{account.user_id}/settings"


def _second_click(login: str, name: str, error: NotPossible) -> bool:
    """The second half of a double click: it is done already, and once."""
    outcome = {"suspend": _S.SUSPENDED, "resign": _S.RESIGNING, "delete": _S.DELETED}
    if error.code != "wrong_state" or name not in outcome:
        return False
    with wired().services.work() as work:
        found = work.accounts.get(login)
        last = work.audit.of(found.reference)[-1:]
    there = found.is_suspended if name == "suspend" else found.state is outcome[name]
    return there and bool(last) and last[0].actor == g.user.username
