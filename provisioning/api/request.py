"""Reading requests of the API: tokens, and JSON that means one thing only."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from flask import current_app, g, request
from pydantic import BaseModel

from ibok_idp.errors import InvalidToken
from ibok_idp.tokens import Caller, TokenVerifier
from provisioning.api.problems import HigherLevelNeeded, Unauthenticated
from provisioning.domain.actors import Actor
from provisioning.domain.errors import FieldError, Forbidden, Invalid
from provisioning.domain.rights import Role

AUDIENCE = "ibok-provisioning"
MAXIMUM_JSON = 2**20
_MAXIMUM_DEPTH = 20
View = Callable[..., Any]


def requires(*roles: str) -> Callable[[View], View]:
    """Let only tokens with one of these realm roles through; the caller is in `caller()` then."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(*arguments: Any, **named: Any) -> Any:
            g.caller = _verified()
            if not g.caller.has(*roles):
                raise Forbidden
            _require_staff_level(g.caller)
            return view(*arguments, **named)

        return checked

    return decorate


def caller() -> Caller:
    found: Caller = g.caller
    return found


def actor() -> Actor:
    """The caller as the audit names them."""
    return Actor(caller().username, caller().roles, request.remote_addr)


def read_json() -> Any:
    """The body as JSON.

    Raises:
        Invalid: not JSON, duplicate keys, NaN or infinite numbers, or nested too deeply.
        RequestEntityTooLarge: more than 1 MiB.
    """
    request.max_content_length = MAXIMUM_JSON
    text = request.get_data()  # kept, for a request that is answered anew after a deadlock
    try:
        body = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        _refuse("too_deep")
    except Invalid:
        raise
    except ValueError:
        _refuse("invalid_json")
    if _depth(body) > _MAXIMUM_DEPTH:
        _refuse("too_deep")
    return body


def read_action(model: type[BaseModel]) -> Any:
    """A small body such as `{version, reason?}`, validated by its model.

    Raises:
        Invalid: every error found.
    """
    from provisioning.form.check import structure_errors

    body = read_json()
    errors = structure_errors(model, body)
    if errors:
        raise Invalid(errors)
    return model.model_validate(body)


def idempotency_key() -> str:
    """
    Raises:
        Invalid: missing, or not 1 to 200 printable ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise Invalid([FieldError("Idempotency-Key", "idempotency_key_missing")])
    if not 1 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
        raise Invalid([FieldError("Idempotency-Key", "idempotency_key_invalid")])
    return key


def _verified() -> Caller:
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    verifier: TokenVerifier = current_app.extensions["ibok_verifier"]
    try:
        return verifier.access_token(token.strip(), AUDIENCE)
    except InvalidToken as error:
        raise Unauthenticated(error.code, str(error)) from error


def _require_staff_level(found: Caller) -> None:
    """S09, S11: a person who acts by a staff role has logged in with the second factor. A service account has no login: what
    stands for its second factor is that IT made it, gave it the role, and keeps its secret on one machine."""
    level = int(current_app.extensions["ibok_staff_level"])
    if found.has(*Role) and not found.service_account and found.level < level:
        raise HigherLevelNeeded(level)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("duplicate_key")
    return found


def _no_constant(_name: str) -> NoReturn:
    _refuse("invalid_number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse("invalid_number")
    return number


def _depth(value: Any, level: int = 1) -> int:
    if level > _MAXIMUM_DEPTH:
        return level
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_depth(child, level + 1) for child in children), default=level)


def _refuse(code: str) -> NoReturn:
    raise Invalid([FieldError("body", code)])
