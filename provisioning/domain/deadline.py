"""The 14 days of rule S4 (Polish civil code, art. 111 and 115), as pure functions over dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from provisioning.domain.rulebook import TermUnit

FreeDay = Callable[[date], bool]


@dataclass(frozen=True)
class TermDay:
    """One day of the sum behind a term: `counted` is its number, None when it does not count."""

    day: date
    counted: int | None
    free: bool


def term(start: date, days: int, unit: TermUnit, is_holiday: FreeDay) -> list[TermDay]:
    """The whole term day by day; the last entry is the due date.

    The starting day does not count (art. 111 § 2). Calendar days all count, and an end on a Saturday, Sunday
    or public holiday moves to the next working day (art. 115). Working days count only when they are such.

    Args:
        start: filing (or completion) date in Europe/Warsaw.
        days: length of the term.
        is_holiday: tells public holidays.
    """
    found: list[TermDay] = []
    current, counted = start, 0
    while True:
        current += timedelta(days=1)
        free = is_free(current, is_holiday)
        counts = counted < days and (unit is TermUnit.CALENDAR_DAYS or not free)
        counted += counts
        found.append(TermDay(current, counted if counts else None, free))
        if counted >= days and not free:
            return found


def due_on(filed_on: date, days: int, unit: TermUnit, is_holiday: FreeDay) -> date:
    """S4: the last day on which the account must be registered."""
    return term(filed_on, days, unit, is_holiday)[-1].day


def nth_day(start: date, number: int, unit: TermUnit, is_holiday: FreeDay) -> date:
    """The day on which the given day of a term falls; the starting day does not count (art. 111 § 2)."""
    if unit is TermUnit.CALENDAR_DAYS:
        return start + timedelta(days=number)
    current = start
    while number:
        current += timedelta(days=1)
        number -= not is_free(current, is_holiday)
    return current


def is_free(day: date, is_holiday: FreeDay) -> bool:
    """Saturday, Sunday or public holiday."""
    return day.weekday() >= 5 or is_holiday(day)


class Urgency(StrEnum):
    OK = "ok"
    SOON = "soon"
    LATE = "late"
    DONE = "done"


def urgency(due: date | None, today: date, *, closed: bool) -> Urgency:
    """How a due date is shown; the last day itself is not overdue."""
    if closed or due is None:
        return Urgency.DONE
    left = (due - today).days
    if left < 0:
        return Urgency.LATE
    return Urgency.SOON if left <= 3 else Urgency.OK


def one_month_after(day: date, is_holiday: FreeDay) -> date:
    """GDPR art. 12(3): one month; the end on a day off moves to the next working day (Regulation 1182/71, art. 3)."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    last = day.day
    while True:
        try:
            end = date(year, month, last)
            break
        except ValueError:  # no such day in that month: its last one (art. 3(2)(c))
            last -= 1
    while is_free(end, is_holiday):
        end += timedelta(days=1)
    return end
