"""The public pages that stand still: start, Regulamin, privacy notice, accessibility statement."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from ibok_idp.look.flask_look import language
from webapp.wired import client

pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> str:
    return render_template("home.html")


@pages.get("/regulamin")
def terms() -> str:
    form = client().form()
    return render_template("terms.html", version=form["terms_version"], text=form["terms"][language()])


@pages.get("/regulamin.txt")
def terms_download() -> Response:
    form = client().form()
    headers = {"Content-Disposition": f'attachment; filename="regulamin-ibok-{form["terms_version"]}.txt"'}
    return Response(form["terms"][language()], mimetype="text/plain", headers=headers)


@pages.get("/rodo")
def privacy() -> str:
    return render_template("privacy.html", text=client().form()["privacy_notice"][language()])


@pages.get("/deklaracja-dostepnosci")
def accessibility() -> str:
    return render_template("accessibility.html")
