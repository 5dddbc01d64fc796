"""Every error of the API as `application/problem+json` (RFC 9457), and nothing of the inside in it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, json, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from ibok_idp.errors import InvalidToken, KeycloakUnavailable
from ibok_idp.texts import LANGUAGES, SOURCE
from provisioning.adapters.postgres.troubles import told_apart
from provisioning.domain.errors import DomainError, FieldError, Forbidden, Invalid, Unavailable
from provisioning.form.messages import message

_log = structlog.get_logger()
PREFIX = "/api/"
_TITLES = {422: "Unprocessable Content"}  # as RFC 9110 has it; Python 3.11 has the older words


class TokenRefused(DomainError):
    """The token does not open this. `challenge` is what stands in WWW-Authenticate behind the realm (RFC 6750, section 3)."""

    status = 401

    def __init__(self, words: str, code: str, challenge: str) -> None:
        super().__init__(words)
        self.code, self.challenge = code, challenge


class Unauthenticated(TokenRefused):
    """No usable token. `code` is None when none was sent at all."""

    def __init__(self, code: str | None = None, words: str = "") -> None:
        words = words or "An access token is needed: Authorization: Bearer …"
        super().__init__(words, code or "token_missing", f'error="{code}"' if code else "")


class ReauthenticationNeeded(TokenRefused):
    """The login is too old for this step (RFC 9470). `max_age` is what it may be, in seconds."""

    def __init__(self, max_age: int) -> None:
        code = "insufficient_user_authentication"
        super().__init__("Log in again: this step needs a recent login.", code, f'error="{code}", max_age="{max_age}"')


class HigherLevelNeeded(TokenRefused):
    """The login was of a lower level of authentication than this call asks for (RFC 9470)."""

    def __init__(self, level: int) -> None:
        code = "insufficient_user_authentication"
        words = "Log in with the second factor: this call needs a higher level of authentication."
        super().__init__(words, code, f'error="{code}", acr_values="{level}"')


class TokenUncheckable(Unavailable):
    """Keycloak's keys cannot be read, so no token can be believed."""

    code = "keycloak_unavailable"
    public = "The token cannot be checked now. Try again in a minute."


def problem(error: DomainError) -> Response:
    """One problem document."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, TokenRefused):
        headers["WWW-Authenticate"] = ", ".join(filter(None, ['Bearer realm="ibok"', error.challenge]))
    elif isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = f'Bearer realm="ibok", error="{error.code}"'
    errors = field_errors(error.errors, language()) if isinstance(error, Invalid) else None
    return _document(error.status, error.code, error.public or str(error), errors, headers)


def field_errors(found: list[FieldError], language: str) -> list[dict[str, str]]:
    return [{"field": each.field, "code": each.code, "message": message(each, language)} for each in found]


def language() -> str:
    """The language of the product that the caller likes best (`Accept-Language`), otherwise Polish."""
    return request.accept_languages.best_match(LANGUAGES, default=SOURCE)


def register_problems(app: Flask) -> None:
    """Problem documents for every error under /api/; other doors keep their own pages."""
    previous = app.handle_user_exception

    def handle(error: Exception) -> Any:
        if not request.path.startswith(PREFIX):
            return previous(error)
        return api_error(error)

    app.handle_user_exception = handle  # type: ignore[method-assign, assignment]  # one place for the whole prefix, 404 and 405 included


def api_error(error: Exception) -> Response:
    """Any error as a problem; what is no DomainError by itself becomes one, or a 500 that says nothing of the inside."""
    match error:
        case InvalidToken():
            error = Unauthenticated(error.code, str(error))
        case KeycloakUnavailable():
            error = TokenUncheckable(str(error))
        case SQLAlchemyError():  # outside a transaction of ours, a session for instance
            error = told_apart(error) or error
        case HTTPException():
            status = error.code or 500
            headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
            return _document(status, error.name.lower().replace(" ", "_"), _public(status), None, headers, error.name)
    if isinstance(error, Unavailable) or (isinstance(error, DomainError) and error.status == 503):
        _log.error("api.unavailable", code=error.code, why=type(error).__name__)
    if isinstance(error, DomainError) and error.status != 500:
        return problem(error)
    _log.error("api.error", path=request.path, exc_info=error)
    return _document(500, "internal_error", "The error is on our side and has been logged.")


def _document(
    status: int,
    code: str,
    detail: str = "",
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    title: str | None = None,
) -> Response:
    title = title or _TITLES.get(status) or HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": f"urn:ibok:problem:{code}", "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    if errors is not None:
        body["errors"] = errors
    response = Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/problem+json")
    response.headers.update(headers or {})
    return response


def _public(status: int) -> str:
    return {
        400: "The request cannot be read.",
        404: "There is nothing at this path.",
        405: "This path does not take this method.",
        413: "The body is too large: at most 1 MiB, uploads at most 15 MiB.",
        415: "Send JSON with Content-Type: application/json.",
    }.get(status, "")
