"""An Office on a real PostgreSQL and nothing else: no Keycloak, no mail server, a clock that tests turn."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from provisioning.adapters.clock import WARSAW
from provisioning.domain.actors import Actor
from provisioning.form.check import Submission
from provisioning.ports.services import Services
from provisioning.use_cases.application.register_paper import register_paper
from provisioning.use_cases.application.submit import submit
from provisioning.wiring import Wired
from tests.support.databases import Databases
from tests.support.fakes import FakeMailer, FixedClock
from tests.support.world import application_body, paper_body

CLERK = Actor("clerk", frozenset({"bok-clerk"}))
REGISTRAR = Actor("registrar", frozenset({"bok-registrar"}))


class TurnedClock(FixedClock):
    """Stands still until it is moved; its day is the day in Warsaw."""

    def today(self) -> date:
        return self.moment.astimezone(WARSAW).date()

    def forward(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class Alone:
    """One database with its Office."""

    wired: Wired
    url: str
    clock: TurnedClock
    mailer: FakeMailer
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return replace(self.wired.services, clock=self.clock, mailer=self.mailer, **self.changes)

    def with_rules(self, **numbers: Any) -> Services:
        return replace(self.services, rules=replace(self.services.rules, **numbers))

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def checked(self, body: dict[str, Any]) -> Submission:
        """A body that passed the check of today's form, on paper or on the web as it says."""
        checker = replace(self.wired.checker(), today=self.clock.today())
        return checker.paper(body) if "channel" in body else checker.web(body)

    def submitted(self, **changes: Any) -> dict[str, Any]:
        """A web application that is not confirmed yet; the answer with its token."""
        submission = self.checked(application_body(**changes))
        return submit(self.services, submission, idempotency_key=secrets.token_hex(8), fingerprint=b"", caller="test")

    def entered(self, **changes: Any) -> str:
        """The reference of a paper application, filed four days ago."""
        day = str(self.clock.today() - timedelta(days=4))
        body = paper_body(filed_on=day, signature={"kind": "paper", "signed_on": day}) | changes
        return register_paper(self.services, CLERK, self.checked(body)).reference


@contextmanager
def alone_on(databases: Databases, **how: str) -> Iterator[Alone]:
    """A database of its own with its Office; `how` as of `Databases.wired`."""
    with databases.wired(**how) as wired:
        url = wired.settings.database_url.get_secret_value()
        yield Alone(wired, url, TurnedClock(datetime(2026, 11, 24, 12, tzinfo=UTC)), FakeMailer())
