"""What other applications are told of accounts, and how far the telling has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from ibok_idp.applications.file import Application
from provisioning.domain.account import Account
from provisioning.domain.news import Answer, Delivery, DeliveryState, News, NewsKind, Receiver


class AccountNews(Protocol):
    """Every change of an account's row becomes news by itself; what is no change of the row is added."""

    def add(self, account: Account, kind: NewsKind) -> None:
        """Told with this transaction, after what the row itself says."""
        ...

    def after(self, position: int, limit: int) -> list[News]:
        """In the order in which they were committed: none ever comes to stand before one that was read."""
        ...

    def since(self, at: datetime) -> list[News]: ...
    def standing_at(self, positions: Iterable[int]) -> dict[int, News]: ...
    def newest(self) -> int: ...
    def number_of(self, login: str) -> int:
        """How many there are of one account."""
        ...


class Deliveries(Protocol):
    """What is on its way to the receivers of webhooks."""

    def receiver(self, name: str) -> Receiver:
        """Locked; a new one begins with the news to come."""
        ...

    def receivers(self) -> dict[str, Receiver]: ...
    def save_receiver(self, receiver: Receiver) -> None: ...
    def put(self, deliveries: Iterable[Delivery]) -> None:
        """Add them; one that is there already is as new."""
        ...

    def test_of(self, receiver: str, event_id: str, at: datetime) -> Delivery:
        """A delivery of nothing, to try a receiver."""
        ...

    def due(self, receiver: str, now: datetime, limit: int) -> list[Delivery]:
        """The first of each account that waits, when its time has come; those that were not tried for longest come first."""
        ...

    def get(self, receiver: str, event_id: str) -> Delivery: ...
    def save(self, deliveries: Iterable[Delivery]) -> None: ...
    def hurry(self, receiver: str) -> None:
        """Nothing that waits need wait for its pause."""
        ...

    def page(self, receiver: str | None, state: DeliveryState | None, limit: int) -> list[Delivery]:
        """Newest first."""
        ...

    def counts(self) -> dict[str, dict[DeliveryState, int]]: ...
    def forget(self, before: datetime) -> int:
        """Those that arrived before then."""
        ...


class Receivers(Protocol):
    """Whoever stands with a webhook in the file of IT."""

    @property
    def told(self) -> tuple[Application, ...]: ...
    def send(self, receiver: str, event_id: str, payload: Mapping[str, Any], at: datetime) -> Answer:
        """Send one message; never raises for what a receiver does."""
        ...
