"""What the staff read in the morning: which applications have come to a warning day of the term (S4). No personal data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import ClassVar

from provisioning.domain.desk import DigestLine
from provisioning.messages.context import MailContext

DIGEST = "digest"  # no kind of its own: it is never queued, the mails of customers are
_MOST = 100


@dataclass(frozen=True)
class WarningDay:
    """The applications that have come to one day of the term.

    Attributes:
        number: the day of the term, counted from 1.
        shown: the first of them, each with the days left; a negative number is overdue.
        more: how many are left out.
    """

    number: int
    shown: list[tuple[DigestLine, int]]
    more: int

    @property
    def count(self) -> int:
        return len(self.shown) + self.more


@dataclass(frozen=True)
class Context(MailContext):
    """The warning days, the latest of the term first."""

    for_the_utility: ClassVar[bool] = True
    today: date
    days: list[WarningDay]
    overdue: int
    queue_url: str

    @classmethod
    def morning(cls, today: date, lines: Iterable[DigestLine], overdue: int, queue_url: str) -> Context:
        """The warnings of one morning, in the order of `lines` within a day of the term."""
        by_day = groupby(sorted(lines, key=lambda line: -line.day), key=lambda line: line.day)
        return cls(today, [_warning_day(number, list(these), today) for number, these in by_day], overdue, queue_url)


def _warning_day(number: int, lines: list[DigestLine], today: date) -> WarningDay:
    shown = [(line, (line.due_on - today).days) for line in lines[:_MOST]]
    return WarningDay(number, shown, len(lines) - len(shown))
