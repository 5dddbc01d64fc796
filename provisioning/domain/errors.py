"""What the domain refuses, with a stable code for doors and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


class DomainError(Exception):
    """Base of every refusal."""


class NotPossible(DomainError):
    """The thing exists but this cannot be done to it now (HTTP 409)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Forbidden(DomainError):
    """The role does not allow it (HTTP 403)."""


class NotFound(DomainError):
    """It does not exist, or is not yours: the same answer (HTTP 404)."""


class TooSoon(DomainError):
    """Asked again before the pause was over (HTTP 429). `seconds` is what is left of it."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Try again in {seconds} s.")
        self.seconds = seconds


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a form: path like `supply_point_address.city`, stable code."""

    field: str
    code: str


class Invalid(DomainError):
    """A form with errors; every one of them (HTTP 422). Nothing is stored."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(", ".join(f"{error.field}: {error.code}" for error in errors))
        self.errors = errors
