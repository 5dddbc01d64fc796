"""What other applications learn of an account: which changes are news, in what words, and how patiently they are delivered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from provisioning.domain.account import Account
from provisioning.domain.account_states import GONE, AccountState


class NewsKind(StrEnum):
    """What becomes of an account; the values are the types of the webhooks and of the feed."""

    CREATED = "account.created"
    ACTIVATED = "account.activated"  # S6: the first own password
    SUSPENDED = "account.suspended"
    RESUMED = "account.resumed"
    EMAIL_CHANGED = "account.email_changed"
    NUMBER_ADDED = "account.customer_number_added"
    NUMBER_REMOVED = "account.customer_number_removed"
    TERMS_ACCEPTED = "account.terms_accepted"
    RESIGNING = "account.resigning"
    RESIGNATION_WITHDRAWN = "account.resignation_withdrawn"
    CLOSED = "account.closed"
    DELETED = "account.deleted"
    ANONYMISED = "account.anonymised"


@dataclass(frozen=True)
class Known:
    """So much of an account as news are made of."""

    state: AccountState
    email: str
    customer_numbers: tuple[str, ...]
    suspended: bool
    activated: bool

    @classmethod
    def of(cls, account: Account) -> Known:
        numbers = tuple(account.customer_numbers)
        return cls(account.state, account.email, numbers, account.is_suspended, account.activated_at is not None)


@dataclass(frozen=True)
class Change:
    """One piece of news before it has a number. `customer_number`: the one that was added or removed."""

    kind: NewsKind
    customer_number: str | None = None


def changes(before: Known | None, after: Known) -> list[Change]:
    """What became of an account between two looks at its row, in the order in which it is told.

    Derived from the row, so no deed of staff, customer, worker or console can forget it.
    """
    if before is None:
        return [Change(NewsKind.CREATED)]
    found = list(_of_the_state(before, after))
    if after.state is AccountState.ANONYMISED:  # numbers and address go with the person; that is no other news
        return found
    if after.email != before.email:
        found.insert(0, Change(NewsKind.EMAIL_CHANGED))
    removed = [number for number in before.customer_numbers if number not in after.customer_numbers]
    added = [number for number in after.customer_numbers if number not in before.customer_numbers]
    numbers = [Change(NewsKind.NUMBER_REMOVED, each) for each in removed] + [Change(NewsKind.NUMBER_ADDED, each) for each in added]
    return numbers + found


def _of_the_state(before: Known, after: Known) -> Iterator[Change]:
    if after.activated and not before.activated:
        yield Change(NewsKind.ACTIVATED)
    if after.suspended and not before.suspended:
        yield Change(NewsKind.SUSPENDED)
    if before.suspended and not after.suspended and after.state not in {AccountState.CLOSED, *GONE}:
        yield Change(NewsKind.RESUMED)
    if before.state is after.state:
        return
    if before.state is AccountState.RESIGNING and after.state not in {AccountState.CLOSED, *GONE}:
        yield Change(NewsKind.RESIGNATION_WITHDRAWN)
    entered = {
        AccountState.RESIGNING: NewsKind.RESIGNING,
        AccountState.CLOSED: NewsKind.CLOSED,
        AccountState.DELETED: NewsKind.DELETED,
        AccountState.ANONYMISED: NewsKind.ANONYMISED,
    }
    if after.state in entered:
        yield Change(entered[after.state])


@dataclass(frozen=True)
class News:
    """One thing that became of an account.

    Attributes:
        position: where it stands among all news, in the order in which they were committed; with holes.
        number: which of this account's it is, from 1 and without a hole.
        state, customer_numbers: of the account after it; nothing else of the person, ever.
        at: when, by the database's clock.
    """

    position: int
    event_id: str
    login: str
    number: int
    kind: NewsKind
    state: AccountState
    customer_numbers: list[str]
    customer_number: str | None
    at: datetime

    @property
    def about(self) -> list[str]:
        """Every customer number that it is about: also the one that was removed by it."""
        return [*self.customer_numbers, *([self.customer_number] if self.customer_number else [])]

    @property
    def for_everybody(self) -> bool:
        """That an account is nobody's any more is told to whoever listens: it holds no customer number to choose by."""
        return self.kind is NewsKind.ANONYMISED

    def payload(self) -> dict[str, Any]:
        """As webhooks and the feed show it (Standard Webhooks: `type`, `timestamp`, `data`)."""
        data: dict[str, Any] = {
            "event_id": self.event_id,
            "number": self.number,
            "login": self.login,
            "state": self.state,
            "customer_numbers": self.customer_numbers,
        }
        if self.customer_number:
            data["customer_number"] = self.customer_number
        return {"type": self.kind, "timestamp": self.at.isoformat(), "data": data}


# -- delivery ------------------------------------------------------------------------------------------

TRIED_FOR = timedelta(days=3)
KEPT_FOR = timedelta(days=30)  # a delivery that arrived, for the page
_PAUSES = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 1800, 3600, 7200, 14400))
_LONGEST_PAUSE = timedelta(hours=8)
_RECEIVER_PAUSE = timedelta(minutes=1)


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"  # three days of trying were in vain; a person must act


@dataclass
class Delivery:
    """One piece of news on its way to one receiver, or a test.

    Attributes:
        event_id: goes out as `webhook-id`, the same at each try.
        tries: since it was made, or since somebody sent it again.
        answer: what came back last: status and reason, or why nothing came; never the receiver's own words.
    """

    receiver: str
    position: int
    event_id: str
    login: str
    created_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    tried_at: datetime | None = None
    next_at: datetime | None = None
    answer: str | None = None

    @property
    def is_test(self) -> bool:
        return not self.login

    def arrived(self, answer: str, at: datetime) -> None:
        self.state, self.next_at = DeliveryState.DELIVERED, None
        self.tries, self.tried_at, self.answer = self.tries + 1, at, answer

    def failed(self, answer: str, at: datetime) -> None:
        """Again after a pause that grows, until three days are over."""
        pause = _PAUSES[self.tries] if self.tries < len(_PAUSES) else _LONGEST_PAUSE
        self.tries, self.tried_at, self.answer = self.tries + 1, at, answer
        self.next_at = at + pause
        if at - self.created_at >= TRIED_FOR:
            self.state, self.next_at = DeliveryState.PARKED, None


@dataclass(frozen=True)
class Answer:
    """What came back from a receiver: its HTTP status, None when nothing came; and that in words."""

    status: int | None
    words: str

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Standard Webhooks: 410 says that nothing more is wanted there."""
        return self.status == 410


@dataclass
class Receiver:
    """How it stands with one application that is told by webhooks.

    Attributes:
        position: up to which news its deliveries have been made.
        off_since: it answered 410 (gone): nothing is sent until IT switches it on again.
        failures: how many tries in a row failed; while there are any, one delivery at a time is tried.
    """

    name: str
    position: int
    off_since: datetime | None = None
    failures: int = 0
    next_at: datetime | None = None
    answer: str | None = None
    answered_at: datetime | None = None

    def may_be_told(self, now: datetime) -> bool:
        return self.off_since is None and (self.next_at is None or self.next_at <= now)

    def answered_well(self, answer: str, at: datetime) -> bool:
        """Whether it had been away before: then what waits for its pause need not wait longer."""
        was_away = self.failures > 1
        self.failures, self.next_at, self.answer, self.answered_at = 0, None, answer, at
        return was_away

    def failed(self, answer: str, at: datetime) -> None:
        self.failures += 1
        self.next_at = at + min(_RECEIVER_PAUSE, timedelta(seconds=2 ** min(self.failures - 1, 6)))
        self.answer, self.answered_at = answer, at

    def gone(self, at: datetime) -> None:
        self.off_since = at

    def switch_on(self) -> None:
        self.off_since = self.next_at = None
        self.failures = 0
