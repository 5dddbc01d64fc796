"""Pages of the manager: numbers with pictures and tables, versions of the form, due dates derived again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel.numbers import format_decimal
from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from ibok_idp.look.flask_look import day, language
from provisioning.domain.application import Channel, RejectedFor, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.clauses import FormVersion
from provisioning.domain.desk import ReportFigures
from provisioning.domain.errors import Invalid
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.form.messages import message
from provisioning.http import wired
from provisioning.staff_ui import words
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.staff_ui.charts import bars, columns
from provisioning.staff_ui.tables import as_csv
from provisioning.use_cases.desk.derive_terms import derive_terms, preview
from provisioning.use_cases.terms.accept_terms import Paragraph, comparison
from provisioning.use_cases.terms.choose_form_version import offer_from

_LONGEST_PERIOD = timedelta(days=3660)
_DEFAULT_WEEKS = 13


@dataclass(frozen=True)
class Table:
    """One table of a report, and the name of its picture, if it has one."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    picture: str | None = None


@staff.get("/raporty")
@logged_in
def reports() -> str:
    """The numbers of a period; every picture stands beside the table it shows."""
    require_permission(g.user.roles, Action.READ_REPORTS)
    since, until, errors = _period()
    return render_template("staff/reports.html", tables=_tables(_figures(since, until)), since=since, until=until, errors=errors)


@staff.get("/raporty/<any(tygodnie, kanaly, odrzucenia):name>.svg")
@logged_in
def report_picture(name: str) -> Response:
    require_permission(g.user.roles, Action.READ_REPORTS)
    since, until, _errors = _period()
    return Response(_picture(name, _figures(since, until)), mimetype="image/svg+xml")


@staff.post("/raporty/csv")
@logged_in
def report_csv() -> Response:
    """All tables of the period in one CSV; exporting is an entry of the audit."""
    require_permission(g.user.roles, Action.READ_REPORTS)
    since, until, _errors = _period()
    rows = [
        {"raport": table.title, "pozycja": str(row[0]), **{f"wartosc_{n}": value for n, value in enumerate(_padded(row), 1)}}
        for table in _tables(_figures(since, until))
        for row in table.rows
    ]
    with wired().services.work() as work:
        details = {"since": str(since), "until": str(until)}
        work.audit.write(actor(), AuditAction.REPORT_EXPORTED, "report", details, wired().services.clock.now())
    headers = {"Content-Disposition": f'attachment; filename="raport-{since}-{until}.csv"'}
    return Response(as_csv(rows), content_type="text/csv; charset=utf-8", headers=headers)


@staff.get("/druki")
@logged_in
def form_versions() -> str:
    """Versions of form and Regulamin; two of them side by side."""
    require_permission(g.user.roles, Action.FORM_VERSIONS)
    return _versions_page({})


@staff.post("/druki/<version>")
@logged_in
def choose_version(version: str) -> Any:
    """From which day a version is offered."""
    require_permission(g.user.roles, Action.FORM_VERSIONS)
    try:
        chosen = date.fromisoformat(request.form.get("valid_from", ""))
    except ValueError:
        return _versions_page({f"valid_from-{version}": gettext("Wpisz datę, na przykład 24.11.2026")}), 422
    try:
        offer_from(wired().services, actor(), version, chosen)
    except Invalid as invalid:
        return _versions_page({f"valid_from-{version}": message(invalid.errors[0], language())}), 422
    flash(gettext("Wersja %(version)s obowiązuje od %(day)s.", version=version, day=day(chosen)))
    return redirect(url_for("staff.form_versions"), 303)


@staff.route("/terminy", methods=["GET", "POST"])
@logged_in
def derived_terms() -> Any:
    """After the holidays or the term have changed: what would change, then the change."""
    require_permission(g.user.roles, Action.DERIVE_TERMS)
    services = wired().services
    if request.method == "POST":
        moved = derive_terms(services, actor())
        flash(gettext("Przeliczono terminy: %(num)d.", num=len(moved)))
        return redirect(url_for("staff.derived_terms"), 303)
    return render_template("staff/derived_terms.html", moved=preview(services), rules=services.rules)


def _versions_page(errors: dict[str, str]) -> str:
    services = wired().services
    versions = sorted(services.versions, key=lambda form: form.valid_from)
    by_name = {form.version: form for form in versions}
    one, other = by_name.get(request.args.get("a", "")), by_name.get(request.args.get("b", ""))
    return render_template(
        "staff/form_versions.html",
        versions=versions,
        current=services.current_form(services.clock.today()).version,
        today=services.clock.today(),
        compared=(one, other, _changes(one, other)) if one and other else None,
        errors=errors,
        typed=request.form.get("valid_from", ""),
    )


def _changes(one: FormVersion, other: FormVersion) -> list[tuple[str, list[Paragraph]]]:
    """Clause by clause and the Regulamin, paragraph by paragraph."""
    texts = [{clause.code: clause.text[language()] for clause in form.clauses} for form in (one, other)]
    found: list[tuple[str, list[Paragraph]]] = []
    for code in {**texts[0], **texts[1]}:
        before, after = texts[0].get(code), texts[1].get(code)
        if before != after:
            changed = ([Paragraph("removed", before)] if before else []) + ([Paragraph("added", after)] if after else [])
            found.append((code, changed))
    terms = comparison(one, other, language())
    if any(each.kind != "same" for each in terms):
        found.append((gettext("Regulamin iBOK"), terms))
    return found


def _period() -> tuple[date, date, dict[str, str]]:
    """The picked period, or the last quarter; a date that is none is named."""
    today = wired().services.clock.today()
    found = {"since": today - timedelta(weeks=_DEFAULT_WEEKS), "until": today}
    errors: dict[str, str] = {}
    for name in found:
        typed = request.values.get(name, "").strip()
        try:
            found[name] = date.fromisoformat(typed) if typed else found[name]
        except ValueError:
            errors[name] = gettext("Wpisz datę, na przykład 24.11.2026")
    if found["since"] > found["until"] or found["until"] - found["since"] > _LONGEST_PERIOD:
        errors.setdefault("since", gettext("Początek okresu musi być przed jego końcem, a okres krótszy niż 10 lat"))
        found = {"since": today - timedelta(weeks=_DEFAULT_WEEKS), "until": today}
    return found["since"], found["until"], errors


def _figures(since: date, until: date) -> ReportFigures:
    with wired().services.work() as work:
        return work.reports.figures(since, until, wired().services.clock.now())


def _tables(figures: ReportFigures) -> list[Table]:
    mailed, three, fourteen = figures.first_login
    count = gettext("Liczba")
    return [
        Table(
            gettext("Złożone i zarejestrowane w tygodniu"),
            (gettext("Tydzień od"), gettext("Złożone"), gettext("Konta założone")),
            [(day(week), filed, registered) for week, filed, registered in figures.weeks],
            "tygodnie",
        ),
        Table(
            gettext("Czas i termin (S4)"),
            (gettext("Miara"), gettext("Wartość")),
            [
                (gettext("Decyzje w okresie"), figures.decided),
                (gettext("W terminie"), _share(figures.in_term, figures.decided)),
                (gettext("Od złożenia do konta, mediana dni"), _days(figures.median_days)),
                (gettext("Od złożenia do konta, 90% nie dłużej niż dni"), _days(figures.p90_days)),
            ],
        ),
        Table(
            gettext("Złożone według kanału"),
            (gettext("Kanał"), count),
            [(words.CHANNEL[Channel(name)], n) for name, n in figures.by_channel.items()],
            "kanaly",
        ),
        Table(
            gettext("Złożone w okresie, dzisiejszy status"),
            (gettext("Status"), count),
            [(words.STATUS[Status(name)], n) for name, n in figures.by_status.items()],
        ),
        Table(
            gettext("Odrzucone według powodu"),
            (gettext("Powód"), count),
            [(words.REJECTED_FOR[RejectedFor(name)], n) for name, n in figures.rejected_for.items()],
            "odrzucenia",
        ),
        Table(
            gettext("Pierwsze logowanie (konta, od których maila minęło 14 dni)"),
            (gettext("Miara"), gettext("Wartość")),
            [
                (gettext("Konta"), mailed),
                (gettext("Zalogowano w 3 dni"), _share(three, mailed)),
                (gettext("Zalogowano w 14 dni"), _share(fourteen, mailed)),
            ],
        ),
        Table(
            gettext("Wiadomości"),
            (gettext("Rodzaj"), gettext("Przekazane"), gettext("Nie dotarły")),
            [(words.MAIL_KIND[MailKind(kind)], sent, failed) for kind, sent, failed in figures.mails],
        ),
    ]


def _picture(name: str, figures: ReportFigures) -> bytes:
    if name == "tygodnie":
        weeks = figures.weeks
        labels = [week.strftime("%d.%m") for week, _filed, _registered in weeks]
        filed = [filed for _week, filed, _registered in weeks]
        registered = [registered for _week, _filed, registered in weeks]
        return columns(labels, {gettext("Złożone"): filed, gettext("Konta założone"): registered})
    if name == "kanaly":
        named = {str(words.CHANNEL[Channel(each)]): count for each, count in figures.by_channel.items()}
    else:
        named = {str(words.REJECTED_FOR[RejectedFor(each)]): count for each, count in figures.rejected_for.items()}
    return bars(list(named), list(named.values()))


def _share(part: int, whole: int) -> str:
    """A share with the numbers it is of: small ones are not hidden behind a percentage."""
    return f"{round(100 * part / whole)}% ({part} / {whole})" if whole else "–"


def _days(value: float | None) -> str:
    return "–" if value is None else str(format_decimal(value, "0.0", locale=language()))


def _padded(row: tuple[Any, ...]) -> list[Any]:
    return [*row[1:], *[""] * (3 - len(row))]
