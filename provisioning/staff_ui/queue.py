"""The queue: what is shown and in which order stands in the address, so that a view can be kept, named and shared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext, ngettext

from provisioning.domain.application import OPEN
from provisioning.domain.desk import COUNTED_AT_MOST, QueueFilter, QueueSort, SavedView
from provisioning.domain.errors import Invalid
from provisioning.domain.rights import Action, require_permission
from provisioning.http import queue_filter, wired
from provisioning.staff_ui import words
from provisioning.staff_ui.badges import due_badge
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.use_cases.application.approve_together import approve_together, green
from provisioning.use_cases.application.doubts import doubts_in_rows
from provisioning.use_cases.desk.work_on_case import colleagues

_KEYS = ("q", "status", "term", "channel", "who", "sort", "order")
_TERM_DAYS = {"late": 0, "2": 3, "7": 8}
_MOST_VIEWS = 20
_OPEN = sorted(status.value for status in OPEN)


@staff.get("/")
@logged_in
def queue() -> str:
    services = wired().services
    today, now = services.clock.today(), services.clock.now()
    shown = {key: request.args[key] for key in _KEYS if request.args.get(key)}
    wanted = shown.get("status", "open")
    cursor = request.args.get("cursor")
    found_filter = _filter(shown, cursor)
    session["queue"] = shown | ({"cursor": cursor} if cursor else {})
    with services.work() as work:
        page = work.applications.page(found_filter)
        tiles = work.applications.tiles(g.user.username, today, now)
        taken = work.cases.claims([each.reference for each in page.applications], now)
        marks = doubts_in_rows(services, work, page.applications)
        views, people = work.desk.views_of(g.user.username), colleagues(services, work)
    names = {member.username: member.name for member in people}
    return render_template(
        "staff/queue.html",
        rows=[(each, due_badge(each, today)) for each in page.applications],
        taken={reference: names.get(username, username) for reference, username in taken.items()},
        status_words={status: str(name) for status, name in words.STATUS.items()},  # looked up once, not in every row
        channel_words={channel: str(name) for channel, name in words.CHANNEL.items()},
        marks={reference: [words.DOUBT_IN_ROW[each] for each in sorted(found)] for reference, found in marks.items()},
        tiles=tiles,
        most=COUNTED_AT_MOST,
        found=_found(page.counts, found_filter.statuses),
        instead=page.instead,
        shown=shown,
        wanted=wanted,
        views=views,
        people=people,
        sort=found_filter.sort,
        descending=found_filter.descending,
        sort_url=lambda key: _sort_url(shown, key, found_filter.sort, descending=found_filter.descending),
        next_page=_queue_url(shown | {"cursor": page.next_cursor}) if page.next_cursor else None,
    )


def last_queue() -> str:
    """The address of the queue as this person last saw it: filter, order and page."""
    shown = session.get("queue") or {}
    return _queue_url(shown) if shown else url_for("staff.queue")


def last_filter() -> QueueFilter:
    """The same as a question, from its first page."""
    return _filter(session.get("queue") or {})


@staff.post("/widoki")
@logged_in
def save_view() -> Any:
    """Keep the present filter under a name."""
    typed = "".join(each if each.isprintable() else " " for each in request.form.get("name", ""))  # F08
    name = " ".join(typed.split())[:60]
    kept = {key: request.form[key][:200] for key in _KEYS if request.form.get(key)}
    if not name:
        flash(gettext("Nadaj widokowi nazwę."))
        return redirect(_queue_url(kept), 303)
    with wired().services.work() as work:
        if len(work.desk.views_of(g.user.username)) >= _MOST_VIEWS:
            flash(gettext("Masz już 20 widoków. Usuń któryś."))
        else:
            work.desk.save_view(SavedView(g.user.username, name, urlencode(kept)))
            flash(gettext("Widok zapisany."))
    return redirect(_queue_url(kept), 303)


@staff.post("/widoki/usun")
@logged_in
def drop_view() -> Any:
    with wired().services.work() as work:
        work.desk.drop_view(g.user.username, request.form.get("name", ""))
    flash(gettext("Widok usunięty."))
    return redirect(url_for("staff.queue"), 303)


@staff.route("/zatwierdz-razem", methods=["GET", "POST"])
@logged_in
def approve_several() -> Any:
    """Applications in which every check is green, approved together; each is a decision and an audit line of its own."""
    require_permission(g.user.roles, Action.APPROVE_MANY)
    services = wired().services
    outcomes = []
    if request.method == "POST":
        chosen = dict(_chosen(value) for value in request.form.getlist("application"))
        outcomes = approve_together(services, actor(), chosen)
        done = sum(outcome.code == "approved" for outcome in outcomes)
        if outcomes:
            flash(ngettext("Zatwierdzono %(num)d wniosek.", "Zatwierdzono %(num)d wniosków.", done))
        else:
            flash(gettext("Nie wybrano żadnego wniosku."))
    today = services.clock.today()
    rows = [(each, due_badge(each, today)) for each in green(services, actor())]
    failed = [outcome for outcome in outcomes if outcome.code != "approved"]
    return render_template("staff/approve_together.html", rows=rows, failed=failed)


def _filter(shown: dict[str, str], cursor: str | None = None) -> QueueFilter:
    """A 404 for what no page of ours links to."""
    wanted = shown.get("status", "open")
    arguments = _as_api(shown) | ({"cursor": cursor} if cursor else {})
    try:
        return queue_filter(arguments, {"open": _OPEN, "all": []}.get(wanted, [wanted]), wired().services.clock.now())
    except Invalid:
        abort(404)


def _as_api(shown: dict[str, str]) -> dict[str, str]:
    """The page's words as the API's parameters."""
    services = wired().services
    arguments: dict[str, str] = {key: shown[key] for key in ("q", "channel", "sort", "order") if key in shown}
    if "term" in shown:
        days = _TERM_DAYS.get(shown["term"])
        if days is None:
            abort(404)
        arguments["due_before"] = (services.clock.today() + timedelta(days=days)).isoformat()
    if shown.get("who") == "nobody":
        arguments["unassigned"] = "true"
    elif "who" in shown:
        arguments["assignee"] = g.user.username if shown["who"] == "me" else shown["who"]
    return arguments


def _found(counts: dict[Any, int], statuses: frozenset[Any] | None) -> int:
    return sum(count for status, count in counts.items() if statuses is None or status in statuses)


def _sort_url(shown: dict[str, str], key: str, present: QueueSort, *, descending: bool) -> str:
    """The address that sorts by a column; the second click turns the order round."""
    order = "desc" if key == present and not descending else "asc"
    return _queue_url(shown | {"sort": key, "order": order})


def _queue_url(arguments: dict[str, str]) -> str:
    return f"{url_for('staff.queue')}?{urlencode(arguments)}"


def _chosen(value: str) -> tuple[str, int]:
    reference, _, version = value.rpartition("~")
    return reference, int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
