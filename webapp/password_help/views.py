"""`/haslo` (S7): ask for a new temporary password. The answer never tells whether a login exists."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext

from webapp.application_form import bots
from webapp.limits import allow, first_use
from webapp.wired import client, settings

password_help = Blueprint("password_help", __name__)
_SALT = "reset_salt"


@password_help.get("/haslo")
def ask() -> str:
    return _page(request.args.get("login", "")[:64], {})


@password_help.post("/haslo")
def asked() -> Any:
    """Over the limit, or by a robot, the answer is the same and nothing is asked for."""
    login = request.form.get("login", "").strip()[:64]
    if not login:
        return _page("", {"login": gettext("Wpisz login")}), 422
    if _by_a_person():
        client().ask_for_new_password(login)
    session.pop(_SALT, None)
    return redirect(url_for("password_help.sent"), 303)


@password_help.get("/haslo/wyslane")
def sent() -> str:
    return render_template("password_sent.html")


def _page(login: str, errors: dict[str, str]) -> str:
    challenge = bots.new_challenge(settings().session_key.get_secret_value())
    session[_SALT] = challenge["salt"]
    return render_template("password_help.html", login=login, errors=errors, challenge=challenge, honeypot=bots.HONEYPOT)


def _by_a_person() -> bool:
    if request.form.get(bots.HONEYPOT):
        return False
    salt = session.get(_SALT)
    if bots.solved(request.form.get("altcha", ""), settings().session_key.get_secret_value(), salt) and first_use(str(salt)):
        return allow("new-password", settings().password_asks_per_hour)
    return allow("new-password-without-script", settings().password_asks_per_hour_without_script)
