"""An Office without the outside, for unit tests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from ibok_idp.temporary_password import KeyRing
from provisioning.adapters.public_holidays import is_holiday
from provisioning.domain.account_states import Trouble
from provisioning.domain.rulebook import Rulebook
from provisioning.form.catalogue import all_versions, current_form
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.messages import MailDeferred, MailRefused
from provisioning.ports.services import Links, Services


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, moment: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def today(self) -> date:
        return self.moment.date()


class TickingClock(FixedClock):
    """No two moments are the same, as in life; otherwise it stands still until it is moved."""

    def now(self) -> datetime:
        self.moment += timedelta(microseconds=1)
        return self.moment


class FakeDirectory:
    """Keeps the contract of the real directory: a repeat finds the same user, another owner is an alarm."""

    def __init__(self) -> None:
        self.users: dict[str, tuple[str, str]] = {}
        self.waiting: set[str] = set()
        self.trouble: DirectoryTrouble | None = None

    def create(self, application: Any, login: str, temporary_password: str) -> str:
        if self.trouble:
            raise self.trouble
        owner, user_id = self.users.setdefault(login, (application.reference, f"user-{len(self.users)}"))
        if owner != application.reference:
            raise DirectoryTrouble(Trouble.LOGIN_BELONGS_TO_ANOTHER, retry=False)
        self.waiting.add(user_id)
        return user_id

    def must_change_password(self, user_id: str) -> bool:
        return user_id in self.waiting

    def recent_password_changes(self) -> list[str]:
        return []


class FakeMailer:
    """Takes mails, or answers as told."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.answer: MailDeferred | MailRefused | None = None

    def send(self, message: EmailMessage) -> str:
        if self.answer:
            raise self.answer
        self.sent.append(message)
        return "250 ok"


@contextmanager
def _alone(name: str, patience: float = 0) -> Any:
    yield True


@contextmanager
def _all_free(names: Sequence[str], most: int) -> Any:
    yield frozenset(names[:most])


def fake_services(**changes: Any) -> Services:
    """Everything but a database."""
    parts: dict[str, Any] = {
        "work": lambda: (_ for _ in ()).throw(AssertionError("no database in this test")),
        "only_one": _alone,
        "these_free": _all_free,
        "directory": FakeDirectory(),
        "mailer": FakeMailer(),
        "compose": lambda *_: EmailMessage(),
        "clock": FixedClock(),
        "rules": Rulebook(),
        "forms": all_versions(),
        "current_form": current_form,
        "is_holiday": is_holiday,
        "links": Links(webapp="http://localhost:8000"),
        "mail_domain": "wpwik.com",
        "keys": KeyRing(b"k" * 32),
        "link_keys": (b"l" * 32,),
    }
    return Services(**parts | changes)
