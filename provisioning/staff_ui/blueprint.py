"""The blueprint of the staff UI, and what all of its pages share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import abort, current_app, g, get_flashed_messages, redirect, request, session, url_for

from ibok_idp.oidc_login import LoggedIn, OidcLogin
from provisioning.domain.actors import Actor
from provisioning.domain.application import Application
from provisioning.domain.desk import StaffMember
from provisioning.domain.rights import Action, Role, may
from provisioning.http import wired
from provisioning.staff_ui import words
from provisioning.staff_ui.stale import seen

staff = APIBlueprint("staff", __name__, enable_openapi=False)
View = Callable[..., Any]


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
        g.user = user
        if user.roles.isdisjoint(role.value for role in Role):
            abort(403)
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


@staff.app_template_filter("person")
def person(username: str | None) -> str:
    """Who did something, by name; whoever was never seen at the desk keeps the login, and parts of the system have words."""
    if not username:
        return ""
    if username in words.NOT_A_PERSON:
        return str(words.NOT_A_PERSON[username])
    if "names" not in g:
        with wired().services.work() as work:
            g.names = {member.username: member.name for member in work.desk.members(datetime.min.replace(tzinfo=UTC))}
    return str(g.names.get(username, username))


def actor() -> Actor:
    user: LoggedIn = g.user
    return Actor(user.username, user.roles, request.remote_addr)


def may_now(action: Action) -> bool:
    """Whether the person of this request may do it."""
    user: LoggedIn | None = g.get("user")
    return user is not None and may(user.roles, action)


def load(reference: str) -> Application:
    with wired().services.work() as work:
        return work.applications.get(reference)


def typed_version() -> int:
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
