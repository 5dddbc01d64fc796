"""Polish public holidays, from the `holidays` library (24 December is one since 2025)."""

from __future__ import annotations

from datetime import date

import holidays

_POLAND = holidays.country_holidays("PL")


def is_holiday(day: date) -> bool:
    return day in _POLAND
