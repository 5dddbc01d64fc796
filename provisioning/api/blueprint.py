"""The blueprint of `/api/v1`, and what a call says of itself beside its route, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel

from provisioning.domain.errors import DomainError
from provisioning.domain.rights import Role

api = APIBlueprint("api", __name__, url_prefix="/api/v1")
SUBMIT = "applications.submit"
CUSTOMER = "ibok-customer"
STAFF = tuple(role.value for role in Role)
View = Callable[..., Any]
Body = type[BaseModel] | Callable[[], type[BaseModel]]


@dataclass(frozen=True)
class Described:
    """What cannot be read from a view itself.

    Attributes:
        body: what it reads as JSON; with its own codes, so APIFlask does not validate it. Or what makes its
            model when the document is written: the form's bodies follow its declared fields.
        answer: the status of success.
        reads: the media type of that body.
        raises: what it refuses beyond what every call may (a token, a path that names nothing, an outage).
        headers: that it needs. query: that it understands.
        file: it takes a file as multipart/form-data, in the field `file`, and these kinds of it.
        media_type: of the answer, where that is not JSON.
    """

    body: Body | None = None
    reads: str = "application/json"
    answer: int = 200
    raises: tuple[type[DomainError], ...] = ()
    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    file: tuple[str, ...] | None = None
    media_type: str | None = None


def call(
    summary: str,
    *,
    body: Body | None = None,
    reads: str = "application/json",
    answer: int = 200,
    raises: Sequence[type[DomainError]] = (),
    headers: Sequence[str] = (),
    query: Sequence[str] = (),
    file: Sequence[str] | None = None,
    media_type: str | None = None,
) -> Callable[[View], View]:
    """Describe a view; stands under its route and above `requires`. See `Described`."""
    found = Described(
        body, reads, answer, tuple(raises), tuple(headers), tuple(query), None if file is None else tuple(file), media_type
    )

    def decorate(view: View) -> View:
        view.__dict__["described"] = found
        described: View = api.doc(summary=summary, security="token")(view)
        return described

    return decorate
