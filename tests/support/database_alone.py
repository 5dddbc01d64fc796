"""An Office on a real PostgreSQL and nothing else: no Keycloak, no mail server, a clock that tests turn."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ibok_idp.local.postgres import Postgres
from provisioning.adapters.clock import WARSAW
from provisioning.adapters.postgres.schema import migrate
from provisioning.domain.actors import Actor
from provisioning.form.check import Submission
from provisioning.ports.services import Services
from provisioning.settings import Settings
from provisioning.use_cases.application.register_paper import register_paper
from provisioning.use_cases.application.submit import submit
from provisioning.wiring import Wired, wire
from tests.support.fakes import FakeMailer, FixedClock
from tests.support.free_ports import free_ports
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


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A server of this test process, with a migrated database to copy."""
    folder = Path(tempfile.mkdtemp(prefix="ibok-pg-"))
    folder.chmod(0o755)
    server = Postgres(folder / "db", free_ports(1)[0], folder / "locales")
    server.start(folder / "log")
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    wired = wire(_settings(server.superuser_url("migrated")))
    migrate(wired.engine)
    wired.engine.dispose()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def compile_polish_locale(server: Postgres) -> bool:
    """Make `pl_PL.UTF-8` known to a server, which has no ICU; False where the system has no sources of locales."""
    assert server.locales is not None  # a server of this module
    server.locales.mkdir(exist_ok=True)
    command = ["localedef", "-i", "pl_PL", "-f", "UTF-8", str(server.locales / "pl_PL.UTF-8")]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def database_alone(server: Postgres, create: str = "TEMPLATE migrated") -> Iterator[Alone]:
    """A database of its own, by default a copy of the migrated one; dropped afterwards."""
    name = f"alone_{secrets.token_hex(4)}"
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {create}")
    url = server.superuser_url(name)
    wired = wire(_settings(url))
    migrate(wired.engine)
    try:
        yield Alone(wired, url, TurnedClock(datetime(2026, 11, 24, 12, tzinfo=UTC)), FakeMailer())
    finally:
        wired.engine.dispose()
        with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def alone(server: Postgres) -> Iterator[Alone]:
    with database_alone(server) as found:
        yield found


def _settings(url: str) -> Settings:
    return Settings(
        database_url=url,
        keycloak_url="http://localhost:1",
        webapp_url="http://localhost:8000",
        provisioning_url="http://localhost:8001",
        temporary_password_key="t" * 40,
        personal_data_key="p" * 40,
    )
