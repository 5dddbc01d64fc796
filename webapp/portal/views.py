"""`/konto`: the customer's own data, after login at Keycloak."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from ibok_idp.oidc_login import OidcLogin
from webapp.application_form.steps import address_line
from webapp.application_form.views import client
from webapp.provisioning_client import NotThere, TokenRefused

portal = Blueprint("portal", __name__)


def oidc() -> OidcLogin:
    found: OidcLogin = current_app.extensions["ibok_oidc"]
    return found


@portal.get("/konto")
def account() -> Any:
    if oidc().user() is None:
        return redirect(url_for("oidc.login", next="/konto"))
    try:
        mine = client().me(oidc().access_token())
    except (TokenRefused, NotThere):
        return render_template("portal/no_account.html"), 403
    changed = request.args.get("haslo")
    return render_template("portal/account.html", me=mine, changed=changed, address_line=address_line)


@portal.post("/konto/haslo")
def change_password() -> Any:
    """Keycloak's own action; it asks for the present password when the login is older than five minutes."""
    return oidc().change_password("/konto")


@portal.get("/wylogowano")
def logged_out() -> str:
    return render_template("portal/logged_out.html")
