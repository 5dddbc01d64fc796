"""Faktury / Invoices: an application that joins iBOK, to start from. Login, logout everywhere, webhooks; nothing of iBOK inside."""

from __future__ import annotations

import csv
import os
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from standardwebhooks import Webhook, WebhookVerificationError

HERE = Path(__file__).parent
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ENDS_SESSIONS = {"account.suspended", "account.closed", "account.deleted", "account.anonymised"}
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, sid TEXT, sub TEXT, login TEXT, locale TEXT, numbers TEXT,
                                     id_token TEXT, refresh_token TEXT, renew_at REAL);
CREATE TABLE IF NOT EXISTS used (id TEXT PRIMARY KEY);  -- webhooks and logout tokens: each counts once; sessions that are over
CREATE TABLE IF NOT EXISTS accounts (login TEXT PRIMARY KEY, number INTEGER, state TEXT);
"""


def create_app() -> Flask:
    """All settings are environment variables; secrets are read from files, never from the command line."""
    app = Flask("invoices", root_path=str(HERE))
    url, issuer = os.environ["INVOICES_URL"].rstrip("/"), os.environ["INVOICES_ISSUER"]
    client_id = os.environ["INVOICES_CLIENT_ID"]
    client_secret = Path(os.environ["INVOICES_CLIENT_SECRET_FILE"]).read_text().strip()
    webhook_secrets = Path(os.environ["INVOICES_WEBHOOK_SECRETS_FILE"]).read_text().split()
    database = os.environ["INVOICES_DATABASE"]
    app.secret_key = client_secret
    app.config |= {
        "SESSION_COOKIE_NAME": "invoices",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": url.startswith("https:"),
    }
    ibok = OAuth(app).register(
        "ibok",
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_id=client_id,
        client_secret=client_secret,
        client_kwargs={"scope": "openid", "code_challenge_method": "S256", "timeout": 10},
    )

    def sql(statement: str, *values: Any) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(statement, values).fetchall()

    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(SCHEMA)

    def first_use(identifier: str) -> bool:
        return bool(sql("INSERT INTO used VALUES (?) ON CONFLICT DO NOTHING RETURNING id", identifier))

    def remember(identifier: str, token: dict[str, Any], claims: dict[str, Any]) -> None:
        """Keep a session, unless Keycloak said that it is over before its tokens were here."""
        numbers = " ".join(claims.get("customer_numbers", []))
        who = (claims["sid"], claims["sub"], claims["ibok_login"], claims.get("locale", "pl"), numbers)
        tokens = (token["id_token"], token["refresh_token"], time.time() + token["expires_in"])
        unless = "WHERE NOT EXISTS (SELECT 1 FROM used WHERE id = 'sid ' || ?2)"
        sql(f"REPLACE INTO sessions SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 {unless}", identifier, *who, *tokens)

    def end(column: str, value: str) -> None:
        sql(f"INSERT INTO used SELECT DISTINCT 'sid ' || sid FROM sessions WHERE {column} = ? ON CONFLICT DO NOTHING", value)  # noqa: S608
        sql(f"DELETE FROM sessions WHERE {column} = ?", value)  # noqa: S608

    def visitor() -> sqlite3.Row | None:
        """Who is logged in; what the token said is renewed when its five minutes are over."""
        identifier = session.get("id")
        found = sql("SELECT * FROM sessions WHERE id = ?", identifier) if identifier else []
        if not found or found[0]["renew_at"] > time.time():
            return found[0] if found else None
        try:
            token = ibok.fetch_access_token(refresh_token=found[0]["refresh_token"], grant_type="refresh_token")
            claims = ibok.parse_id_token(token, nonce=None)
        except (OAuthError, JoseError):  # ended at Keycloak
            sql("DELETE FROM sessions WHERE id = ?", identifier)
            return None
        remember(identifier, token, claims)
        return next(iter(sql("SELECT * FROM sessions WHERE id = ?", identifier)), None)

    @app.get("/")
    def invoices() -> ResponseReturnValue:
        who = visitor()
        if who is None:
            return redirect("/login")
        with (HERE / "invoices.csv").open(encoding="utf-8", newline="") as handle:
            mine = [row for row in csv.DictReader(handle) if row["customer_number"] in who["numbers"].split()]
        return render_template("invoices.html", who=who, invoices=mine, en=who["locale"] == "en")

    @app.get("/login")
    def login() -> ResponseReturnValue:
        return ibok.authorize_redirect(f"{url}/oidc/callback")

    @app.get("/oidc/callback")
    def callback() -> ResponseReturnValue:
        try:
            token = ibok.authorize_access_token()
        except (OAuthError, JoseError):
            return render_template("message.html", pl="Logowanie się nie powiodło.", en="The login failed."), 400
        session.clear()
        session["id"] = secrets.token_urlsafe(32)
        remember(session["id"], token, token["userinfo"])
        return redirect("/")

    @app.post("/logout")
    def logout() -> ResponseReturnValue:
        """Here, then at Keycloak, which ends every other application's session."""
        ended = sql("DELETE FROM sessions WHERE id = ? RETURNING id_token", session.pop("id", ""))
        target = {"client_id": client_id, "post_logout_redirect_uri": f"{url}/bye"}
        if ended:
            target["id_token_hint"] = ended[0]["id_token"]
        return redirect(f"{issuer}/protocol/openid-connect/logout?{urlencode(target)}", 303)

    @app.get("/bye")
    def bye() -> ResponseReturnValue:
        return render_template("message.html", pl="Wylogowano tu i w iBOK.", en="You are logged out here and in iBOK.")

    @app.post("/oidc/backchannel-logout")
    def backchannel_logout() -> ResponseReturnValue:
        """OpenID Connect Back-Channel Logout 1.0, section 2.6: Keycloak says that a session is over."""
        try:
            keys = KeySet.import_key_set(ibok.fetch_jwk_set())
            claims = jwt.decode(request.form.get("logout_token", ""), keys, algorithms=["RS256"]).claims
            rules = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
            jwt.JWTClaimsRegistry(leeway=60, **rules, exp={"essential": True}, jti={"essential": True}).validate(claims)
        except (JoseError, ValueError, requests.RequestException):
            return {"error": "invalid_request"}, 400
        if LOGOUT_EVENT not in claims.get("events", {}) or "nonce" in claims or "sid" not in claims or not first_use(claims["jti"]):
            return {"error": "invalid_request"}, 400
        first_use(f"sid {claims['sid']}")  # also of a login that is just under way
        end("sid", claims["sid"])
        return "", 200, {"Cache-Control": "no-store"}

    @app.post("/webhooks/ibok")
    def webhook() -> ResponseReturnValue:
        """Standard Webhooks: signed, not older than five minutes, each counted once, none that is behind what is known."""
        event = verified(request.get_data(), dict(request.headers), webhook_secrets)
        if event is None:
            return {"error": "not signed with a secret of ours, or too old"}, 400
        data = event["data"]
        if first_use(request.headers["webhook-id"]):
            newer = sql(
                "INSERT INTO accounts VALUES (:1, :2, :3) ON CONFLICT (login) DO UPDATE SET number = :2, state = :3 "
                "WHERE number < :2 RETURNING login",
                *(data["login"], data["number"], data["state"]),
            )
            if newer and event["type"] in ENDS_SESSIONS:  # Keycloak has said so already; this holds if it could not
                end("login", data["login"])
        return "", 204

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.after_request
    def headers(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        response.headers |= {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response

    return app


def verified(body: bytes, headers: dict[str, str], known: list[str]) -> dict[str, Any] | None:
    """The event, when one of our secrets signed it; two while they are being changed over."""
    for secret in known:
        try:
            found: dict[str, Any] = Webhook(secret).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            continue
        return found
    return None
