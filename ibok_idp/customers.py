"""Customers as Keycloak holds them, and as it is asked to hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

GROUP = "/customers"
UPDATE_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105  # the name of a required action


@dataclass(frozen=True)
class NewCustomer:
    """What Keycloak is told of a customer: never PESEL.

    Attributes:
        application: reference of the application; finds the user again after an unknown outcome.
    """

    login: str
    email: str
    first_name: str
    last_name: str
    language: str
    application: str
    customer_numbers: tuple[str, ...]
    enabled: bool = True


class MadeOutcome(StrEnum):
    """What became of making one user."""

    CREATED = "created"
    EXISTS = "exists"  # an earlier try had made it, for the same application
    TAKEN = "taken"  # the login is another application's, or of somebody outside /customers; an alarm, never an overwrite
    REFUSED = "refused"  # Keycloak does not take a part of it
    FAILED = "failed"  # nobody foresaw it; nothing was made


class Made(BaseModel):
    """What became of making one user.

    Attributes:
        user_id: when it was made or is there.
        errors: field and code of each thing that Keycloak does not take; the field is None when it is the whole.
    """

    outcome: MadeOutcome
    user_id: str | None = Field(None, alias="id")
    errors: list[dict[str, str | None]] = []


@dataclass(frozen=True)
class DirectoryUser:
    """One customer as Keycloak knows them."""

    user_id: str
    login: str
    email: str
    enabled: bool
    application: str | None
    must_change_password: bool
    customer_numbers: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True)
class UserChange:
    """What is to be as given in Keycloak; None leaves a value alone."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    enabled: bool | None = None
    customer_numbers: tuple[str, ...] | None = None
    language: str | None = None


@dataclass(frozen=True)
class Lockout:
    """Brute-force protection of one user: failures in a row, and until when the login is locked."""

    failures: int
    locked: bool
    locked_until: datetime | None


def user_wish(customer: NewCustomer, credential: dict[str, Any]) -> dict[str, Any]:
    return {
        "login": customer.login,
        "email": customer.email,
        "firstName": customer.first_name,
        "lastName": customer.last_name,
        "enabled": customer.enabled,
        "language": customer.language,
        "application": customer.application,
        "customerNumbers": customer.customer_numbers,
        "password": {name: credential[name] for name in ("credentialData", "secretData")},
    }


def user_of(found: dict[str, Any]) -> DirectoryUser:
    return DirectoryUser(
        user_id=found["id"],
        login=found["username"],
        email=found.get("email", ""),
        enabled=found.get("enabled", False),
        application=(found.get("attributes", {}).get("ibok_application") or [None])[0],
        must_change_password=UPDATE_PASSWORD in found.get("requiredActions", []),
        customer_numbers=tuple(found.get("attributes", {}).get("ibok_customer_numbers", [])),
        language=(found.get("attributes", {}).get("locale") or [None])[0],
    )
