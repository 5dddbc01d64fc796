"""The parts of a mail before it is laid out, and what a mail may speak of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from ibok_idp.look.company import Utility
from provisioning.domain.account import Account
from provisioning.domain.application import Application

_WARSAW = ZoneInfo("Europe/Warsaw")


@dataclass(frozen=True)
class Button:
    """A link that stands out; the text part shows its address on a line of its own."""

    label: str
    url: str


@dataclass(frozen=True)
class Facts:
    """Label and value, one pair a line; `secret` values are set apart for copying and reading aloud."""

    pairs: list[tuple[str, str]]
    secret: bool = False


@dataclass(frozen=True)
class Letter:
    """One mail before it is laid out."""

    subject: str
    greeting: str
    parts: list[str | Button | Facts] = field(default_factory=list)


@dataclass(frozen=True)
class Enclosure:
    """What a mail may speak of.

    Attributes:
        secret: a temporary password or the token of a link; rests nowhere.
        about: what the occasion adds.
    """

    application: Application
    account: Account | None
    utility: Utility
    webapp: str
    confirmation_token: str | None
    status_token: str
    confirmation_hours: int
    term_days: int
    secret: str | None = field(default=None, repr=False)
    about: dict[str, Any] = field(default_factory=dict)
    undo_days: int = 7
    withdrawable: bool = True

    @property
    def english(self) -> bool:
        return (self.account or self.application).language == "en"

    @property
    def status_url(self) -> str:
        return f"{self.webapp}/wniosek/status/{self.application.reference}/{self.status_token}"


def greeting(e: Enclosure) -> str:
    return "Good day," if e.english else "Dzień dobry,"


def day(value: date | datetime | None, language: str) -> str:
    """25 listopada 2026; of a moment the day that it is in Warsaw, where the readers are."""
    local = value.astimezone(_WARSAW) if isinstance(value, datetime) else value
    return format_date(local, "d MMMM y", locale=language) if local else ""


def moment(value: datetime | None, language: str) -> str:
    return format_datetime(value.astimezone(_WARSAW), "d MMMM y, HH:mm", locale=language) if value else ""
