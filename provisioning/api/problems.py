"""Every error of the API as `application/problem+json` (RFC 9457), and nothing of the inside in it."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, Response, json, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from werkzeug.exceptions import HTTPException

from ibok_idp.errors import InvalidToken, KeycloakUnavailable
from ibok_idp.texts import LANGUAGES, SOURCE
from provisioning.adapters.files.contained import ContainedFailure
from provisioning.adapters.files.virus_scan import ScannerGone
from provisioning.adapters.postgres.troubles import Collision, DatabaseBusy, DatabaseTrouble
from provisioning.domain.errors import FieldError, Forbidden, Invalid, NotFound, NotPossible, TooSoon
from provisioning.form.messages import message

_log = structlog.get_logger()
PREFIX = "/api/"


class Unauthenticated(Exception):
    """No usable token (RFC 6750, section 3). `code` is None when none was sent at all."""

    def __init__(self, code: str | None = None, words: str = "") -> None:
        super().__init__(words or "An access token is needed: Authorization: Bearer …")
        self.code = code


class ReauthenticationNeeded(Exception):
    """The login is too old for this step (RFC 9470). `max_age` is what it may be, in seconds."""

    def __init__(self, max_age: int) -> None:
        super().__init__("Log in again: this step needs a recent login.")
        self.max_age = max_age


class HigherLevelNeeded(Exception):
    """The login was of a lower level of authentication than this call asks for (RFC 9470)."""

    def __init__(self, level: int) -> None:
        super().__init__("Log in with the second factor: this call needs a higher level of authentication.")
        self.level = level


class WrongRole(Exception):
    """A good token without the needed role (RFC 6750: insufficient_scope)."""


def problem(
    status: int,
    title: str,
    *,
    code: str,
    detail: str = "",
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """One problem document."""
    body: dict[str, Any] = {"type": f"urn:ibok:problem:{code}", "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    if errors is not None:
        body["errors"] = errors
    response = Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/problem+json")
    response.headers.update(headers or {})
    return response


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
    """The one table from exceptions to problems."""
    match error:
        case Unauthenticated():
            challenge = 'Bearer realm="ibok"' + (f', error="{error.code}"' if error.code else "")
            return problem(
                401, "Unauthorized", code=error.code or "token_missing", detail=str(error), headers={"WWW-Authenticate": challenge}
            )
        case ReauthenticationNeeded():
            code = "insufficient_user_authentication"
            challenge = f'Bearer realm="ibok", error="{code}", max_age="{error.max_age}"'
            return problem(401, "Unauthorized", code=code, detail=str(error), headers={"WWW-Authenticate": challenge})
        case HigherLevelNeeded():
            code = "insufficient_user_authentication"
            challenge = f'Bearer realm="ibok", error="{code}", acr_values="{error.level}"'
            return problem(401, "Unauthorized", code=code, detail=str(error), headers={"WWW-Authenticate": challenge})
        case InvalidToken():
            return problem(
                401,
                "Unauthorized",
                code="invalid_token",
                detail=str(error),
                headers={"WWW-Authenticate": 'Bearer realm="ibok", error="invalid_token"'},
            )
        case WrongRole() | Forbidden():
            return problem(
                403,
                "Forbidden",
                code="insufficient_scope",
                detail="The token's role does not allow this.",
                headers={"WWW-Authenticate": 'Bearer realm="ibok", error="insufficient_scope"'},
            )
        case Invalid():
            found = error.errors
            return problem(
                422,
                "Unprocessable Content",
                code=found[0].code if found else "invalid",
                detail=str(error),
                errors=field_errors(found, language()),
            )
        case NotFound():
            return problem(404, "Not Found", code="not_found", detail="There is no such thing, or it is not yours.")
        case NotPossible():
            return problem(409, "Conflict", code=error.code, detail=str(error))
        case TooSoon():
            return problem(
                429, "Too Many Requests", code="too_soon", detail=str(error), headers={"Retry-After": str(error.seconds)}
            )
        case DatabaseTrouble() | OperationalError() | NoFreeConnection():
            return _no_database(error)
        case ScannerGone():
            _log.error("virus_scan.gone", why=str(error))
            return problem(
                503,
                "Service Unavailable",
                code="virus_scan_unavailable",
                detail="Files cannot be checked for viruses now, so none is taken. Try again in a minute.",
                headers={"Retry-After": "30"},
            )
        case ContainedFailure(reason="busy"):
            return problem(
                503,
                "Service Unavailable",
                code="busy",
                detail="Too many files are being read now. Nothing was stored. Try again in a few seconds.",
                headers={"Retry-After": "5"},
            )
        case KeycloakUnavailable():
            return problem(
                503,
                "Service Unavailable",
                code="keycloak_unavailable",
                detail="The token cannot be checked now. Try again in a minute.",
                headers={"Retry-After": "30"},
            )
        case HTTPException():
            status = error.code or 500
            headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
            return problem(status, error.name, code=error.name.lower().replace(" ", "_"), detail=_public(status), headers=headers)
        case _:
            _log.exception("api.error", path=request.path)
            return problem(
                500, "Internal Server Error", code="internal_error", detail="The error is on our side and has been logged."
            )


def _no_database(error: Exception) -> Response:
    busy = isinstance(error, Collision | DatabaseBusy | NoFreeConnection)
    _log.error("api.database_busy" if busy else "api.database_gone", why=type(error).__name__)
    in_doubt = isinstance(error, DatabaseTrouble) and error.in_doubt
    stored = "Whether all of this was stored is not known: look before you repeat it." if in_doubt else "Nothing was stored."
    return problem(
        503,
        "Service Unavailable",
        code="database_busy" if busy else "database_unavailable",
        detail=f"{stored} Try again in a {'moment' if busy else 'minute'}.",
        headers={"Retry-After": "3" if busy else "30"},
    )


def _public(status: int) -> str:
    return {
        400: "The request cannot be read.",
        404: "There is nothing at this path.",
        405: "This path does not take this method.",
        413: "The body is too large: at most 1 MiB, uploads at most 15 MiB.",
        415: "Send JSON with Content-Type: application/json.",
    }.get(status, "")
