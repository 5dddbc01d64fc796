"""`/haslo`: what to do when the password is forgotten. The answer never tells whether a login exists."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import TooManyRequests

from webapp.application_form.views import client
from webapp.limits import allow

password_help = Blueprint("password_help", __name__)
_ASKS_PER_HOUR = 20


@password_help.get("/haslo")
def ask() -> str:
    return render_template(
        "password_help.html", login=request.args.get("login", "")[:64], errors={}, asked=request.args.get("zapisano")
    )


@password_help.post("/haslo")
def asked() -> Any:
    login = request.form.get("login", "").strip()[:64]
    if not login:
        return render_template("password_help.html", login="", errors={"login": gettext("Wpisz login")}, asked=None), 422
    if not allow("password-help", _ASKS_PER_HOUR):
        raise TooManyRequests
    client().ask_for_password_help(login)
    return redirect(url_for("password_help.ask", zapisano="1"), 303)
