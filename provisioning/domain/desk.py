"""The desk's own records: the queue and its filters, notes, claims, views, figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from provisioning.domain.account_states import AccountState
from provisioning.domain.application import Application, Channel, Status
from provisioning.domain.doubts import ScanCheck


@dataclass(frozen=True)
class CaseNote:
    """What a member of staff wrote about an application, for colleagues."""

    note_id: str
    reference: str
    at: datetime
    author: str
    text: str


@dataclass(frozen=True)
class CaseClaim:
    """Who works on an application, until when."""

    reference: str
    username: str
    until: datetime


@dataclass(frozen=True)
class ScanChecked:
    """Who has seen what on the scan of an application; evidence, like the decision itself."""

    reference: str
    what: ScanCheck
    checked_by: str
    checked_at: datetime


class QueueSort(StrEnum):
    """What the queue may be ordered by."""

    DUE = "due"
    FILED = "filed"
    NAME = "name"
    NUMBER = "number"


@dataclass(frozen=True)
class QueueFilter:
    """What the staff queue shows.

    Attributes:
        assignee, now: only what this person works on at this moment.
        unassigned: only what nobody works on.
    """

    statuses: frozenset[Status] | None = None
    text: str = ""
    due_before: date | None = None
    channel: Channel | None = None
    assignee: str | None = None
    unassigned: bool = False
    now: datetime | None = None
    sort: QueueSort = QueueSort.DUE
    descending: bool = False
    cursor: str | None = None
    limit: int = 50


COUNTED_AT_MOST = 1000  # "1000" in the queue's numbers means 1000 or more


@dataclass(frozen=True)
class QueuePage:
    """One page of the queue.

    Attributes:
        counts: of each status under the same filter, counted to COUNTED_AT_MOST.
        instead: words nobody has, and the names like them that were searched in their place.
    """

    applications: list[Application]
    next_cursor: str | None
    counts: dict[Status, int]
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class QueueTiles:
    """The numbers above the queue, counted to COUNTED_AT_MOST: new, due within two days, overdue, mine."""

    new: int
    soon: int
    late: int
    mine: int


@dataclass(frozen=True)
class SavedView:
    """A filter of the queue that somebody gave a name."""

    username: str
    name: str
    query: str


@dataclass(frozen=True)
class StaffMember:
    """Somebody who has been in the staff UI, for handing cases over to them."""

    username: str
    name: str
    roles: list[str]
    seen_at: datetime


@dataclass(frozen=True)
class Alike:
    """An open application or a live account that shares something with another application.

    Attributes:
        shared: of `pesel`, `tax_id`, `number` (customer number), `email`, in this order.
    """

    reference: str
    status: Status
    login: str | None
    account_state: AccountState | None
    shared: tuple[str, ...]


@dataclass(frozen=True)
class ReportFigures:
    """The manager's numbers of a period; counts alone, nothing of a person.

    Attributes:
        weeks: first day of each week, applications filed, accounts registered.
        decided, in_term: decisions of the period, and those made by the due date (S4).
        median_days, p90_days: from filing to registration; None without any.
        first_login: of the accounts whose mail was taken at least 14 days ago: how many, logged in within 3 and 14 days.
        mails: handed over to the mail server, and of these not delivered, by kind.
    """

    weeks: list[tuple[date, int, int]]
    by_channel: dict[str, int]
    by_status: dict[str, int]
    rejected_for: dict[str, int]
    decided: int
    in_term: int
    median_days: float | None
    p90_days: float | None
    first_login: tuple[int, int, int]
    mails: list[tuple[str, int, int]]


@dataclass(frozen=True)
class DigestLine:
    """One application of the morning's warnings (S4); no personal data."""

    reference: str
    status: Status
    due_on: date
    day: int
