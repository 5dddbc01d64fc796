"""Applications that join, for IT and the manager: whether each is told of accounts, what waits, and sending it again."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext

from ibok_idp.applications.file import Application
from provisioning.domain.errors import NotFound
from provisioning.domain.news import DeliveryState
from provisioning.domain.rights import Action, require_permission
from provisioning.http import wired
from provisioning.staff_ui import words
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.use_cases.news import tell

_SHOWN = 100


@staff.get("/aplikacje")
@logged_in
def joined() -> str:
    require_permission(g.user.roles, Action.READ_WEBHOOKS)
    chosen, state = request.args.get("receiver", ""), request.args.get("state", "")
    known = wired().applications
    with wired().services.work() as work:
        receivers, counts = work.deliveries.receivers(), work.deliveries.counts()
        wanted = DeliveryState(state) if state in list(DeliveryState) else None
        deliveries = work.deliveries.page(chosen if chosen in known else None, wanted, _SHOWN)
        news = work.news.standing_at(each.position for each in deliveries)
    return render_template(
        "staff/webhooks.html",
        applications=list(known.values()),
        receivers=receivers,
        counts=counts,
        deliveries=[(each, news.get(each.position)) for each in deliveries],
        states=words.DELIVERY_STATE,
        State=DeliveryState,
        shown=_SHOWN,
    )


@staff.post("/aplikacje/<receiver>/test")
@logged_in
def test_webhook(receiver: str) -> Any:
    tell.send_test(wired().services, actor(), _told(receiver).client_id)
    flash(gettext("Zdarzenie próbne jest w drodze. Odśwież stronę, żeby zobaczyć odpowiedź."))
    return _back(receiver)


@staff.post("/aplikacje/<receiver>/wlacz")
@logged_in
def switch_on_webhook(receiver: str) -> Any:
    tell.switch_on(wired().services, actor(), _told(receiver).client_id)
    flash(gettext("Powiadamianie jest włączone; zaległe zdarzenia są w drodze."))
    return _back(receiver)


@staff.post("/aplikacje/<receiver>/<event_id>")
@logged_in
def send_webhook_again(receiver: str, event_id: str) -> Any:
    tell.send_again(wired().services, actor(), _told(receiver).client_id, event_id)
    flash(gettext("Zdarzenie jest w drodze."))
    return _back(receiver)


def _told(receiver: str) -> Application:
    """
    Raises:
        Forbidden. NotFound: no application of this id is told by webhooks.
    """
    require_permission(g.user.roles, Action.MANAGE_WEBHOOKS)
    found = wired().applications.get(receiver)
    if found is None or found.webhook is None:
        raise NotFound(receiver)
    return found


def _back(receiver: str) -> Any:
    return redirect(url_for("staff.joined", receiver=receiver), 303)
