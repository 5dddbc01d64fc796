"""Login and logout of a Flask app at Keycloak: OIDC code flow with PKCE, state and nonce (Authlib), rotation of
refresh tokens, RP-initiated and back-channel logout."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, Response, redirect, request, session
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError

from ibok_idp import patient
from ibok_idp.errors import IdpError, InvalidToken, KeycloakUnavailable
from ibok_idp.tokens import Caller, TokenVerifier, level_in, roles_in
from ibok_idp.web_session import SessionEnded, SessionStore, WebSession

_log = structlog.get_logger()
_REFRESH_BEFORE_SECONDS = 30
_KEYCLOAK_SECONDS = 5  # how long one question to Keycloak may take while somebody waits for a page
_RENEWAL_SECONDS = 2 * _KEYCLOAK_SECONDS  # connecting and reading; after that the one who renews is taken for dead
_LOOK_AGAIN_SECONDS = 0.05

PASSWORD_ALREADY_SET = "ibok_password_already_set"  # noqa: S105  # our provider's word for the second of two browsers

# Keycloak's words, and Authlib's, for a login that was overtaken by one in another tab of the same browser.
_OF_ANOTHER_TAB = frozenset({"mismatching_state", "temporarily_unavailable", "authentication_expired"})


class LoginFailed(IdpError):
    """The answer from Keycloak cannot be used; the visitor starts the login again. `reason` is for the log."""


class NotLoggedIn(IdpError):
    """The session has ended, here or at Keycloak."""


@dataclass(frozen=True)
class LoggedIn:
    """Who is logged in in this browser session."""

    subject: str
    username: str
    name: str
    roles: frozenset[str]


@dataclass(frozen=True)
class OpenSession:
    """One open session: `device` is the browser's own description, `started` seconds since the epoch."""

    name: str
    device: str
    started: float
    current: bool


class OidcLogin:
    """Adds `/logowanie`, `/oidc/callback`, `/wyloguj` and `/oidc/backchannel-logout` to an app.

    Args:
        issuer: `{keycloak}/realms/{realm}`.
        base_url: the app's own public address; links come from it alone, never from the Host header.
        home: path to go to after login when no other was asked for.
        language: the visitor's language, for Keycloak's pages.
        on_login: called after each login, for the audit.
        level: the least level of authentication (claim `acr`): asked of Keycloak as essential, checked in every token.
    """

    def __init__(
        self,
        app: Flask,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        base_url: str,
        store: SessionStore,
        verifier: TokenVerifier,
        home: str,
        language: Callable[[], str],
        on_login: Callable[[LoggedIn], None] | None = None,
        level: int | None = None,
    ) -> None:
        self.issuer, self.client_id, self.base_url, self.home = issuer, client_id, base_url.rstrip("/"), home
        self.store, self.verifier, self._on_login, self._language = store, verifier, on_login, language
        self._secret, self._level = client_secret, level
        self._keycloak = OAuth(app).register(
            "keycloak",
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_id=client_id,
            client_secret=client_secret,
            client_kwargs={"scope": "openid", "code_challenge_method": "S256", "timeout": _KEYCLOAK_SECONDS},
        )
        routes = Blueprint("oidc", __name__)
        routes.get("/logowanie")(self.login)
        routes.get("/oidc/callback")(self.callback)
        routes.post("/wyloguj")(self.logout)
        routes.post("/oidc/backchannel-logout")(self.backchannel_logout)
        app.register_blueprint(routes)
        app.extensions["ibok_oidc"] = self

    def exempt_from_csrf(self, csrf: Any) -> None:
        """Keycloak itself posts the logout token: its signature stands in for the CSRF token."""
        csrf.exempt(self.backchannel_logout)
        csrf.exempt(f"{__name__}.backchannel_logout")

    # -- views -----------------------------------------------------------------------------------

    def login(self) -> ResponseReturnValue:
        session["after_login"] = own_path(request.args.get("next"), self.home)
        return self._to_keycloak()

    def change_password(self, back_to: str) -> ResponseReturnValue:
        """Keycloak's own action UPDATE_PASSWORD (application-initiated action)."""
        session["after_login"] = own_path(back_to, self.home)
        return self._to_keycloak(kc_action="UPDATE_PASSWORD")

    def reauthenticate(self, back_to: str) -> ResponseReturnValue:
        """Ask for the password again before a step that cannot be undone; SSO alone is not enough."""
        session["after_login"] = own_path(back_to, self.home)
        return self._to_keycloak(prompt="login")

    def callback(self) -> ResponseReturnValue:
        try:
            return self._answered()
        except LoginFailed as failed:
            if self.user() is None or str(failed) not in _OF_ANOTHER_TAB:
                raise
            _log.info("login.in_another_tab", why=str(failed))
            return redirect(own_path(session.pop("after_login", None), self.home))

    def _answered(self) -> ResponseReturnValue:
        self._require_our_issuer(request.args.get("iss"))
        action_status = request.args.get("kc_action_status")
        if request.args.get("error") and action_status is None:
            error = request.args["error"]
            if error in ("login_required", "temporarily_unavailable", "access_denied", "authentication_expired"):
                _log.info("login.not_finished", error=error)
            if request.args.get("error_description") == PASSWORD_ALREADY_SET:
                raise LoginFailed(PASSWORD_ALREADY_SET)
            raise LoginFailed(error)
        try:
            token = self._keycloak.authorize_access_token()
        except OAuthError as error:
            raise LoginFailed(str(error.error)) from error
        except requests.RequestException as error:
            raise KeycloakUnavailable("Keycloak does not answer at the end of the login.") from error
        except (JoseError, ValueError, KeyError) as error:
            raise LoginFailed(type(error).__name__) from error
        if self._too_low(level_in(token["userinfo"])):  # somebody changed the request on its way
            raise LoginFailed("the level of authentication is too low")
        user = self._remember(token)
        if self._on_login is not None:
            self._on_login(user)
        target = own_path(session.pop("after_login", None), self.home)
        if action_status:
            target += ("&" if "?" in target else "?") + urlencode({"haslo": action_status})
        return redirect(target)

    def logout(self) -> ResponseReturnValue:
        """End the session here, then at Keycloak, which ends every other application's (RP-initiated logout)."""
        login = session.get("login")
        _session().end()
        target = {"client_id": self.client_id, "post_logout_redirect_uri": f"{self.base_url}/wylogowano"}
        if login and login.get("id_token"):
            target["id_token_hint"] = login["id_token"]
        return redirect(f"{self.issuer}/protocol/openid-connect/logout?{urlencode(target)}", code=303)

    def backchannel_logout(self) -> ResponseReturnValue:
        """OIDC Back-Channel Logout 1.0, section 2.5 and 2.8."""
        try:
            claims = self.verifier.logout_token(request.form.get("logout_token", ""), self.client_id)
            if not self.store.first_use(str(claims["jti"])):
                raise InvalidToken("The logout token was used before.", "invalid_request")
        except InvalidToken as error:
            _log.warning("backchannel_logout.refused", why=str(error))
            return {"error": "invalid_request", "error_description": str(error)}, 400, {"Cache-Control": "no-store"}
        ended = self.store.end_by_sid(claims.get("sid"), claims.get("sub"))
        _log.info("backchannel_logout", sessions=ended)
        return "", 200, {"Cache-Control": "no-store"}

    # -- what views ask --------------------------------------------------------------------------

    def user(self) -> LoggedIn | None:
        login = session.get("login")
        if not login:
            return None
        return LoggedIn(login["subject"], login["username"], login["name"], frozenset(login["roles"]))

    def logged_in_within(self, seconds: float) -> bool:
        """Whether the password was typed so recently."""
        return time.time() - float((session.get("login") or {}).get("auth_time", 0)) < seconds

    def sessions(self) -> list[OpenSession]:
        """The open sessions of the person who is logged in, this one first."""
        login = session.get("login") or {}
        current = self.store.name_of(_session())
        found = [
            OpenSession(
                name, (data.get("login") or {}).get("device", ""), (data.get("login") or {}).get("started", 0), name == current
            )
            for name, data in self.store.of_subject(login.get("subject", ""))
        ]
        return sorted(found, key=lambda each: (not each.current, -each.started))

    def end_session(self, name: str) -> bool:
        """End one session of the person who is logged in, here and at Keycloak; False when it is not theirs."""
        login = session.get("login") or {}
        ended = self.store.end_one(login.get("subject", ""), name)
        if ended is None:
            return False
        token = (ended.get("login") or {}).get("refresh_token")
        if token:
            data = {"client_id": self.client_id, "client_secret": self._secret, "refresh_token": token}
            try:
                requests.post(f"{self.issuer}/protocol/openid-connect/logout", data=data, timeout=10)
            except requests.RequestException:
                _log.warning("session.keycloak_not_told")  # over here all the same; at Keycloak it ends by its time
        return True

    def end_own_session(self) -> None:
        """Forget the login in this browser, for instance because the account was closed."""
        _session().end()

    def access_token(self, *, fresh: bool = False) -> str:
        """A token that is valid for at least half a minute, renewed when needed, once, also with two tabs.

        Each new token says anew who this is and with which roles (O07); `user` answers by the newest one.

        Args:
            fresh: ask Keycloak now, before a step that matters: a right taken away a second ago counts.

        Raises:
            NotLoggedIn: Keycloak ended the session (logout, rotation caught a copy, user disabled).
            KeycloakUnavailable: the session is kept; try again.
        """
        login = session.get("login")
        if not login:
            raise NotLoggedIn("nobody is logged in")
        if fresh or _runs_out(login):
            try:
                self._renew(asked_at=time.time())
            except (SessionEnded, InvalidToken, NotLoggedIn) as error:
                _log.info("session.ended", why=str(error))
                _session().end()
                raise NotLoggedIn("Keycloak ended the session") from error
        return str(session["login"]["access_token"])

    def _renew(self, asked_at: float) -> None:
        """Rotate the tokens once, whoever asks at the same time; nothing is locked while Keycloak is asked."""
        give_up = asked_at + _RENEWAL_SECONDS
        while not self._claim_renewal(asked_at):
            if (session["login"] or {}).get("renewed_at", 0) >= asked_at and not _runs_out(session["login"]):
                return  # somebody else did it meanwhile
            if time.time() > give_up:
                raise KeycloakUnavailable("Keycloak does not answer; the session is kept.")
            time.sleep(_LOOK_AGAIN_SECONDS)
        try:
            tokens = self._refreshed(str(session["login"].get("refresh_token", "")))
            newest = self.verifier.own_access_token(tokens["access_token"], self.client_id)
        except KeycloakUnavailable:
            with self.store.locked(_session()) as data:
                data["login"].pop("renewing_until", None)
            raise
        with self.store.locked(_session()) as data:
            data["login"] = self._renewed(data["login"], tokens, newest)

    def _claim_renewal(self, asked_at: float) -> bool:
        """Whether the caller is the one who asks Keycloak; the session is read anew in any case."""
        with self.store.locked(_session()) as data:
            login = data.get("login")
            if not login:
                raise NotLoggedIn("nobody is logged in")
            done = login.get("renewed_at", 0) >= asked_at and not _runs_out(login)
            if done or login.get("renewing_until", 0) > time.time():
                return False
            login["renewing_until"] = time.time() + _RENEWAL_SECONDS
            return True

    def _renewed(self, login: dict[str, Any], tokens: dict[str, Any], newest: Caller) -> dict[str, Any]:
        if newest.subject != login["subject"] or self._too_low(newest.level):
            raise NotLoggedIn("the new token is another person's or of a lower level")
        kept = {key: value for key, value in login.items() if key != "renewing_until"}
        return {**kept, "roles": sorted(newest.roles), "renewed_at": time.time(), **_tokens(tokens)}

    def _too_low(self, level: int) -> bool:
        return self._level is not None and level < self._level

    def _require_our_issuer(self, answered: str | None) -> None:
        """RFC 9207: the answer names who gave it; one that is silent is refused too when Keycloak says that it names itself."""
        if answered is None:
            try:
                announced = self._keycloak.load_server_metadata()
            except requests.RequestException as error:
                raise KeycloakUnavailable("Keycloak does not answer at the end of the login.") from error
            if not announced.get("authorization_response_iss_parameter_supported"):
                return
        if answered != self.issuer:
            raise LoginFailed("another issuer answered")

    def _to_keycloak(self, **extra: str) -> ResponseReturnValue:
        if self._level is not None:  # OIDC core, section 5.5.1.1: essential, so a lower level is an error and no answer
            essential = {"id_token": {"acr": {"essential": True, "values": [str(self._level)]}}}
            extra["claims"] = json.dumps(essential, separators=(",", ":"))
        try:
            answer: Response = self._keycloak.authorize_redirect(
                f"{self.base_url}/oidc/callback", ui_locales=self._language(), **extra
            )
        except requests.RequestException as error:
            raise KeycloakUnavailable("Keycloak does not answer at the start of the login.") from error
        return answer

    def _remember(self, token: dict[str, Any]) -> LoggedIn:
        claims = token["userinfo"]
        kept = {key: value for key, value in session.items() if not key.startswith("_state_")}
        user = LoggedIn(
            subject=claims["sub"],
            username=claims.get("preferred_username", ""),
            name=claims.get("name") or claims.get("preferred_username", ""),
            roles=roles_in(claims),
        )
        session.clear()
        session.update(kept)
        session["login"] = {
            "subject": user.subject,
            "username": user.username,
            "name": user.name,
            "roles": sorted(user.roles),
            "sid": claims.get("sid"),
            "auth_time": claims.get("auth_time", 0),
            "started": time.time(),
            "device": request.user_agent.string[:300],
            **_tokens(token),
        }
        _session().renew()
        return user

    def _refreshed(self, refresh_token: str) -> dict[str, Any]:
        try:
            asked = {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": self.client_id,
                "client_secret": self._secret,
            }
            url = f"{self.issuer}/protocol/openid-connect/token"
            answer = patient.post(url, asked, timeout=_KEYCLOAK_SECONDS, repeatable=False)
        except requests.RequestException as error:
            raise KeycloakUnavailable("Keycloak does not answer; the session is kept.") from error
        if answer.status_code >= 500:
            raise KeycloakUnavailable(f"Keycloak answers {answer.status_code}; the session is kept.")
        if not answer.ok:
            raise NotLoggedIn("Keycloak ended the session")
        tokens: dict[str, Any] = answer.json()
        return tokens


def own_path(path: str | None, otherwise: str) -> str:
    """A path of this site, or `otherwise`: never an open redirect."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 32 for c in path):
        return otherwise
    parts = urlsplit(path)
    return otherwise if parts.scheme or parts.netloc or "\\" in path else path


def _runs_out(login: dict[str, Any]) -> bool:
    return bool(login.get("expires_at", 0) - _REFRESH_BEFORE_SECONDS <= time.time())


def _tokens(token: dict[str, Any]) -> dict[str, Any]:
    kept = {"access_token": token["access_token"], "refresh_token": token.get("refresh_token", "")}
    kept["expires_at"] = time.time() + float(token.get("expires_in", 60))
    if token.get("id_token"):
        kept["id_token"] = token["id_token"]
    return kept


def _session() -> WebSession:
    current = session._get_current_object()  # type: ignore[attr-defined]  # werkzeug's LocalProxy
    assert isinstance(current, WebSession)
    return current
