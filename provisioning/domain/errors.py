"""The one tree of what is refused or cannot be done now; every door reads code, status and retry from it."""

from __future__ import annotations

from dataclasses import dataclass


class DomainError(Exception):
    """Base of every refusal, and of every trouble of the outside that a door may meet.

    Attributes:
        code: stable, for programs and for choosing words.
        status: what HTTP says of it (RFC 9110).
        retry_after: seconds after which the same may well hold; None when trying again does not help.
        public: the sentence for whoever called, where the error's own words are not meant for them.
    """

    code: str = "internal_error"
    status: int = 500
    retry_after: int | None = None
    public: str = ""


class NotPossible(DomainError):
    """The thing exists but this cannot be done to it now."""

    status = 409

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Forbidden(DomainError):
    """The role does not allow it."""

    code, status = "insufficient_scope", 403
    public = "The token's role does not allow this."


class NotFound(DomainError):
    """It does not exist, or is not yours: the same answer."""

    code, status = "not_found", 404
    public = "There is no such thing, or it is not yours."


class TooSoon(DomainError):
    """Asked again before the pause was over; `seconds` is what is left of it."""

    code, status = "too_soon", 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Try again in {seconds} s.")
        self.seconds = self.retry_after = seconds


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a form: path like `supply_point_address.city`, stable code."""

    field: str
    code: str


class Invalid(DomainError):
    """A form with errors; every one of them. Nothing is stored."""

    code, status = "invalid", 422

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(", ".join(f"{error.field}: {error.code}" for error in errors))
        self.errors = errors
        if errors:
            self.code = errors[0].code


class Unavailable(DomainError):
    """Something outside of us does not do its part now: the database, Keycloak, the virus scanner. Worth trying again."""

    code, status, retry_after = "unavailable", 503, 30
    public = "Nothing was stored. Try again in a minute."


class Outage(Unavailable):
    """Something that every step needs is away, the database for instance: there is no use in going on with the next one."""
