"""Every number of S1 to S8 in one place. Another utility changes configuration, never code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class TermUnit(StrEnum):
    CALENDAR_DAYS = "calendar_days"
    WORKING_DAYS = "working_days"


class TermStart(StrEnum):
    """Which date starts the term."""

    FILED = "filed"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Rulebook:
    """The numbers behind the rules.

    Attributes:
        term_days, term_unit, term_start: S4, "within 14 days of its filing".
        email_confirmation_life: how long the link in the confirmation mail works.
        confirmation_resend_pause: shortest time between two confirmation mails.
        activation_password_life: how long the temporary password of S5 may be used.
        alarm_after: how long an account may wait for Keycloak or the mail server before it is an alarm.
    """

    term_days: int = 14
    term_unit: TermUnit = TermUnit.CALENDAR_DAYS
    term_start: TermStart = TermStart.FILED
    email_confirmation_life: timedelta = timedelta(hours=72)
    confirmation_resend_pause: timedelta = timedelta(minutes=1)
    activation_password_life: timedelta = timedelta(days=14)
    alarm_after: timedelta = timedelta(hours=1)
    pesel_required: bool = False
    online_declaration: bool = True
    customer_number_pattern: str = r"[0-9]{4,12}"
    login_prefix: str = "wp"
    login_random_digits: int = 7

    def __post_init__(self) -> None:
        if self.term_days < 1:
            raise ValueError("the term must have at least one day")
        if not timedelta(hours=72) <= self.activation_password_life <= timedelta(days=14):
            raise ValueError("an activation password lives 72 hours to 14 days")


def retry_pause(attempt: int) -> timedelta:
    """How long to wait after the given failed attempt (1, 2, …): growing pauses, at most a quarter of an hour."""
    return timedelta(seconds=min(900, 5 * 2 ** min(attempt - 1, 10)))
