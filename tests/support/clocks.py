"""Clocks that are not today."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from provisioning.adapters.clock import SystemClock


class Later(SystemClock):
    """The real clock, moved forward by some days."""

    def __init__(self, days: int) -> None:
        self.ahead = timedelta(days=days)

    def now(self) -> datetime:
        return super().now() + self.ahead

    def today(self) -> date:
        return super().today() + self.ahead
