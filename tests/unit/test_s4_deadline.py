"""S4: within 14 days of filing; Polish civil code art. 111 and 115."""

from datetime import date, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.clock import SystemClock
from provisioning.adapters.public_holidays import is_holiday
from provisioning.domain.deadline import Urgency, due_on, is_free, nth_day, term, urgency
from provisioning.domain.rulebook import TermUnit

TABLE = {
    "2026-11-23": "2026-12-07",
    "2026-12-10": "2026-12-28",
    "2026-12-18": "2027-01-04",
    "2026-12-23": "2027-01-07",
    "2027-03-14": "2027-03-30",
    "2027-04-17": "2027-05-04",
    "2027-05-13": "2027-05-28",
    "2025-12-10": "2025-12-29",
    "2024-12-10": "2024-12-24",  # not yet a public holiday then
}
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(("filed", "due"), TABLE.items())
def test_s4_the_term_ends_as_the_civil_code_says(filed: str, due: str) -> None:
    assert due_on(date.fromisoformat(filed), 14, TermUnit.CALENDAR_DAYS, is_holiday) == date.fromisoformat(due)


@given(DAYS)
def test_s4_a_term_never_ends_on_a_free_day_nor_before_fourteen_days(filed: date) -> None:
    due = due_on(filed, 14, TermUnit.CALENDAR_DAYS, is_holiday)
    assert not is_free(due, is_holiday)
    assert timedelta(days=14) <= due - filed <= timedelta(days=20)


@given(DAYS, DAYS)
def test_s4_who_files_later_is_never_due_earlier(one: date, other: date) -> None:
    early, late = sorted((one, other))
    assert due_on(early, 14, TermUnit.CALENDAR_DAYS, is_holiday) <= due_on(late, 14, TermUnit.CALENDAR_DAYS, is_holiday)


@given(DAYS, st.integers(1, 30))
def test_s4_working_days_count_only_working_days(filed: date, days: int) -> None:
    counted = [each for each in term(filed, days, TermUnit.WORKING_DAYS, is_holiday) if each.counted]
    assert len(counted) == days
    assert not any(each.free for each in counted)


def test_s4_the_sum_behind_a_term_can_be_read_day_by_day() -> None:
    days = term(date(2026, 12, 10), 14, TermUnit.CALENDAR_DAYS, is_holiday)
    assert days[13].day == date(2026, 12, 24)
    assert days[13].counted == 14
    assert days[13].free
    assert [each.counted for each in days[14:]] == [None] * 4


def test_the_last_day_itself_is_not_overdue() -> None:
    due = date(2026, 12, 7)
    assert urgency(due, due, closed=False) is Urgency.SOON
    assert urgency(due, due + timedelta(days=1), closed=False) is Urgency.LATE
    assert urgency(due, due - timedelta(days=4), closed=False) is Urgency.OK
    assert urgency(due, due + timedelta(days=1), closed=True) is Urgency.DONE


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        (7, TermUnit.CALENDAR_DAYS, date(2026, 12, 30)),
        (12, TermUnit.CALENDAR_DAYS, date(2027, 1, 4)),
        (1, TermUnit.WORKING_DAYS, date(2026, 12, 28)),  # 24 to 27 December are free
        (5, TermUnit.WORKING_DAYS, date(2027, 1, 4)),
    ],
)
def test_s4_a_warning_day_is_counted_like_the_term(number: int, unit: TermUnit, expected: date) -> None:
    assert nth_day(date(2026, 12, 23), number, unit, is_holiday) == expected


@pytest.mark.parametrize(
    ("filed", "due"),
    [
        (date(2026, 10, 20), date(2026, 11, 3)),  # over the night on which the clock goes back
        (date(2027, 3, 20), date(2027, 4, 5)),  # over the night on which it goes forward; the 3rd is a Saturday
        (date(2028, 2, 15), date(2028, 2, 29)),  # the 29th of February
        (date(2028, 2, 29), date(2028, 3, 14)),
    ],
)
def test_k07_s4_clock_changes_and_leap_days_do_not_move_the_term(filed: date, due: date) -> None:
    assert due_on(filed, 14, TermUnit.CALENDAR_DAYS, is_holiday) == due


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-10-24T21:59:00+00:00", date(2026, 10, 24)),
        ("2026-10-24T22:00:00+00:00", date(2026, 10, 25)),  # summer time: midnight is 22:00 UTC
        ("2026-10-25T22:30:00+00:00", date(2026, 10, 25)),  # the clock went back that night
        ("2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
    ],
)
def test_k07_the_day_is_that_of_warsaw_on_both_sides_of_a_clock_change(moment: str, day: date) -> None:
    with time_machine.travel(moment, tick=False):
        assert SystemClock().today() == day
