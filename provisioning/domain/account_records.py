"""What is kept beside an account: wishes to the customer register, incidents, what Keycloak reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass
class ChangeRequest:
    """A wish to change what the customer register owns: staff carry it out there and answer."""

    request_id: str
    login: str
    wanted: dict[str, Any]
    asked_at: datetime
    outcome: str | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None


@dataclass(frozen=True)
class Incident:
    """A mail that went to a wrong address: what it disclosed, for the data protection officer."""

    incident_id: str
    login: str
    at: datetime
    address: str
    disclosed: list[str]
    reported_by: str
    note: str | None


@dataclass(frozen=True)
class AccountEvent:
    """What Keycloak reported of one account: a login, a failure, a change in its console."""

    event_id: str
    login: str
    at: datetime
    kind: str
    address: str | None
    details: dict[str, Any]
