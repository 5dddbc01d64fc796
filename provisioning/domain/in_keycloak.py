"""What Keycloak holds of a customer, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from provisioning.domain.account import Profile


@dataclass(frozen=True)
class WantedUser:
    """A user to be made: of which application, with which activation password."""

    reference: str
    login: str
    profile: Profile
    password: str = field(repr=False)


@dataclass(frozen=True)
class Created:
    """What became of making a user. `made` is False when an earlier try had made it: its profile and password are not known."""

    user_id: str
    made: bool


MADE_TOGETHER = 50  # users with one call at most


@dataclass(frozen=True)
class SeenInKeycloak:
    """One customer as Keycloak holds them."""

    user_id: str
    login: str
    email: str
    enabled: bool
    application: str | None
    must_change_password: bool
    customer_numbers: tuple[str, ...]


@dataclass(frozen=True)
class LoginEvent:
    """A login, a failed one, or a change of password, as Keycloak logged it.

    Attributes:
        password: which of the passwords was used: own, temporary (S7) or activation (S5).
    """

    event_id: str
    user_id: str
    at: datetime
    kind: str
    error: str | None
    address: str | None
    password: str | None


@dataclass(frozen=True)
class ConsoleEvent:
    """What a person did to a user in Keycloak's console or through its API; never our own service account."""

    event_id: str
    user_id: str
    at: datetime
    operation: str
    what: str
    by: str


Event = TypeVar("Event", LoginEvent, ConsoleEvent)


@dataclass(frozen=True)
class EventsRead(Generic[Event]):
    """Attributes:
    events: those that are of interest, oldest first.
    newest: when the newest of all that was read happened, of interest or not; None: there was none.
    """

    events: list[Event]
    newest: datetime | None
