"""Server-side Flask sessions in PostgreSQL: findable by Keycloak's `sid`, encrypted at rest, dead after logout.

Flask-Session cannot delete by `sid`, which back-channel logout needs; this is Flask's own `SessionInterface`.
The cookie holds 256 random bits; the table holds only their hash, so a copy of the database opens no session.
A visitor who has only looked at pages has no row: what little must be remembered of them lies encrypted in the cookie.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken
from flask import Flask, Request, Response
from flask import session as flask_session
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import CallbackDict

from ibok_idp.errors import IdpError

_log = structlog.get_logger()
_LIGHT = frozenset({"csrf_token", "reset_salt", "after_login", "_flashes"})  # of no use to whoever plays an old cookie again
_LIGHT_MARK = "v1."
_LIGHT_BYTES = 3500  # browsers keep 4096 a cookie

_TABLES = """
CREATE TABLE IF NOT EXISTS web_sessions (
    id_hash bytea PRIMARY KEY, data bytea NOT NULL, sid text, subject text, expires_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS web_sessions_sid ON web_sessions (sid) WHERE sid IS NOT NULL;
CREATE INDEX IF NOT EXISTS web_sessions_subject ON web_sessions (subject) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS web_sessions_expiry ON web_sessions (expires_at);
CREATE TABLE IF NOT EXISTS used_logout_tokens (jti text PRIMARY KEY, expires_at timestamptz NOT NULL);
"""


class SessionsUnavailable(IdpError):
    """The database with the sessions does not answer; the cookie stays good."""


class SessionEnded(IdpError):
    """The session is gone from the database: logged out here or at Keycloak, or its time is over."""


class WebSession(CallbackDict[str, Any], SessionMixin):
    """One visit. `renew` gives it a new id (session fixation), `end` destroys it."""

    def __init__(self, initial: dict[str, Any] | None, identifier: str | None) -> None:
        def on_update(session: CallbackDict[str, Any]) -> None:
            assert isinstance(session, WebSession)
            session.modified = True

        super().__init__(initial, on_update)
        self.identifier = identifier
        self.replaces: str | None = None
        self.modified = False
        self.ended = False
        self.unavailable = False
        self.login_as_read = dict(self).get("login")

    def renew(self) -> None:
        """Give the session a new id; the old one stops working when this request ends."""
        self.replaces, self.identifier, self.modified = self.identifier, None, True

    def end(self) -> None:
        self.clear()
        self.ended = True


class SessionStore(SessionInterface):
    """Sessions of one web process.

    Args:
        engine: the process's own database.
        key: `IBOK_SESSION_KEY`; encrypts what rests in the table.
        lifetime: how long a visit may pause.
        secure: cookie with `Secure` and the `__Host-` prefix; False only on http://localhost.
    """

    def __init__(self, engine: Engine, key: str, lifetime: timedelta, *, secure: bool, name: str) -> None:
        self._engine, self._lifetime, self._secure = engine, lifetime, secure
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"web-session:{key}".encode()).digest()))
        self.cookie = f"__Host-{name}" if secure else name

    def create_tables(self) -> None:
        """Make the two tables when they are missing."""
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(2727)"))
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(text(statement))

    def install(self, app: Flask) -> None:
        """Make this the app's sessions; a visit whose session cannot be read now gets the page for an outage."""
        app.session_interface = self

        @app.before_request
        def refuse_without_sessions() -> None:
            if isinstance(current := flask_session._get_current_object(), WebSession) and current.unavailable:  # type: ignore[attr-defined]
                raise SessionsUnavailable("The session database does not answer.")

    def open_session(self, app: Flask, request: Request) -> WebSession:
        identifier = request.cookies.get(self.cookie)
        if not identifier or request.path.startswith(("/static/", "/healthz", "/readyz", "/metrics")):
            return WebSession(None, None)
        if identifier.startswith(_LIGHT_MARK):
            light = self._decrypt(identifier.removeprefix(_LIGHT_MARK).encode(), ttl=int(self._lifetime.total_seconds()))
            return WebSession(light, None)
        try:
            data = self._read(identifier)
        except SQLAlchemyError:
            _log.error("session.database_gone")
            session = WebSession(None, None)
            session.unavailable = True  # an error raised here would miss every error page
            return session
        return WebSession(data, identifier) if data is not None else WebSession(None, None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, WebSession)
        if session.unavailable:
            return
        if session.ended or (not session and session.modified):
            self._delete(session.identifier, session.replaces)
            response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
            return
        if not session.modified:
            return
        if session.identifier is None and session.replaces is None and (light := self._light(session)) is not None:
            self._set_cookie(response, light)
            return
        identifier = session.identifier or secrets.token_urlsafe(32)
        data = dict(session)
        with self._engine.begin() as connection:
            if session.replaces:
                connection.execute(text("DELETE FROM web_sessions WHERE id_hash = :id"), {"id": _hash(session.replaces)})
            elif session.identifier:
                stored = self._locked_row(connection, session.identifier)
                if stored is None:
                    return  # ended meanwhile (back-channel logout): it must not come to life again
                if data.get("login") == session.login_as_read:
                    data["login"] = stored.get("login")  # another tab may have refreshed the tokens since we read them
            self._write(connection, identifier, data)
            connection.execute(text("DELETE FROM web_sessions WHERE expires_at < now()"))
        self._set_cookie(response, identifier)

    def _set_cookie(self, response: Response, value: str) -> None:
        response.set_cookie(self.cookie, value, path="/", secure=self._secure, httponly=True, samesite="Lax")
        response.headers.add("Vary", "Cookie")

    def _light(self, session: WebSession) -> str | None:
        """The whole visit as a cookie, or None when something of it must rest here. Of logins begun the newest are kept."""
        data = dict(session)
        begun = [name for name in data if name.startswith("_state_")]
        if not _LIGHT.issuperset(data.keys() - set(begun)):
            return None
        while True:
            sealed = _LIGHT_MARK + self._fernet.encrypt(json.dumps(data).encode()).decode()
            if len(sealed) <= _LIGHT_BYTES or not begun:
                return sealed if len(sealed) <= _LIGHT_BYTES else None
            del data[begun.pop(0)]

    @contextmanager
    def locked(self, session: WebSession) -> Iterator[dict[str, Any]]:
        """Hold this one session for a read and a write that belong together. Ask nobody else inside: the block holds a
        connection and the row.

        Yields the data as it is in the database now; what the block changes is written, and taken over by `session`.

        Raises:
            SessionEnded: there is no such session any more.
        """
        with self._engine.begin() as connection:
            data = self._locked_row(connection, session.identifier or "")
            if data is None:
                raise SessionEnded("The session has ended.")
            yield data
            self._write(connection, session.identifier or "", data)
        modified = session.modified
        session["login"] = session.login_as_read = data.get("login")
        session.modified = modified  # written already, above

    def end_by_sid(self, sid: str | None, subject: str | None) -> int:
        """Back-channel logout: end the session with this `sid`, or every session of the subject when no sid is given."""
        column, value = ("sid", sid) if sid else ("subject", subject)
        with self._engine.begin() as connection:
            return connection.execute(text(f"DELETE FROM web_sessions WHERE {column} = :value"), {"value": value}).rowcount  # noqa: S608  # one of two constants

    def of_subject(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        """The open sessions of one person: a name for each, and its data."""
        with self._engine.begin() as connection:
            rows = connection.execute(
                text("SELECT id_hash, data FROM web_sessions WHERE subject = :s AND expires_at > now() ORDER BY expires_at DESC"),
                {"s": subject},
            ).all()
        found = [(_name(bytes(row.id_hash)), self._decrypt(row.data)) for row in rows]
        return [(name, data) for name, data in found if data is not None]

    def end_one(self, subject: str, name: str) -> dict[str, Any] | None:
        """End one session of a person by its name; its data, None when there is no such session of theirs."""
        with self._engine.begin() as connection:
            rows = connection.execute(text("SELECT id_hash, data FROM web_sessions WHERE subject = :s FOR UPDATE"), {"s": subject})
            for row in rows.all():
                if _name(bytes(row.id_hash)) == name:
                    connection.execute(text("DELETE FROM web_sessions WHERE id_hash = :id"), {"id": row.id_hash})
                    return self._decrypt(row.data)
        return None

    def name_of(self, session: WebSession) -> str | None:
        """The name under which `of_subject` lists this session."""
        return _name(_hash(session.identifier)) if session.identifier else None

    def first_use(self, jti: str) -> bool:
        """True once for each logout token."""
        with self._engine.begin() as connection:
            connection.execute(text("DELETE FROM used_logout_tokens WHERE expires_at < now()"))
            done = connection.execute(
                text("INSERT INTO used_logout_tokens VALUES (:jti, now() + interval '1 day') ON CONFLICT DO NOTHING"), {"jti": jti}
            )
            return done.rowcount == 1

    def _locked_row(self, connection: Any, identifier: str) -> dict[str, Any] | None:
        row = connection.execute(
            text("SELECT data FROM web_sessions WHERE id_hash = :id AND expires_at > now() FOR UPDATE"), {"id": _hash(identifier)}
        ).first()
        return self._decrypt(row.data) if row else None

    def _read(self, identifier: str) -> dict[str, Any] | None:
        with self._engine.begin() as connection:
            row = connection.execute(
                text("SELECT data FROM web_sessions WHERE id_hash = :id AND expires_at > now()"), {"id": _hash(identifier)}
            ).first()
        return self._decrypt(row.data) if row else None

    def _decrypt(self, data: bytes, ttl: int | None = None) -> dict[str, Any] | None:
        try:
            decrypted: dict[str, Any] = json.loads(self._fernet.decrypt(bytes(data), ttl=ttl))
        except InvalidToken:
            if ttl is None:  # a cookie may be old or a stranger's invention; a row may not
                _log.warning("session.unreadable", why="written under another IBOK_SESSION_KEY")
            return None
        return decrypted

    def _write(self, connection: Any, identifier: str, data: dict[str, Any]) -> None:
        login = data.get("login") or {}
        connection.execute(
            text(
                "INSERT INTO web_sessions (id_hash, data, sid, subject, expires_at) VALUES (:id, :data, :sid, :subject, :until) "
                "ON CONFLICT (id_hash) DO UPDATE SET data = :data, sid = :sid, subject = :subject, expires_at = :until"
            ),
            {
                "id": _hash(identifier),
                "data": self._fernet.encrypt(json.dumps(data).encode()),
                "sid": login.get("sid"),
                "subject": login.get("subject"),
                "until": datetime.now(UTC) + self._lifetime,
            },
        )

    def _delete(self, *identifiers: str | None) -> None:
        try:
            with self._engine.begin() as connection:
                for identifier in filter(None, identifiers):
                    connection.execute(text("DELETE FROM web_sessions WHERE id_hash = :id"), {"id": _hash(identifier)})
        except SQLAlchemyError:
            _log.error("session.delete_failed")  # the cookie goes all the same; the row ends by its time
            raise


def _name(id_hash: bytes) -> str:
    return id_hash.hex()[:24]


def _hash(identifier: str) -> bytes:
    return hashlib.sha256(identifier.encode()).digest()
