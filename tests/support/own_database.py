"""An Office on a database of its own, for what walks through every application there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from provisioning.adapters.demo_applications import generate
from provisioning.adapters.postgres import applications_in, migrate
from provisioning.domain.deadline import due_on
from provisioning.ports import Office
from provisioning.wiring import wire
from tests.support.world import World


@dataclass(frozen=True)
class OwnDatabase:
    """The office and its database."""

    office: Office
    url: str

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def own_database(world: World, invented: int = 0) -> Iterator[OwnDatabase]:
    """A fresh one on the stack's PostgreSQL, with so many invented applications; dropped afterwards."""
    name = f"ibok_own_{secrets.token_hex(4)}"
    with psycopg.connect(world.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER ibok_provisioning")
    url = world.secrets["IBOK_DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    settings = world.settings()
    wired = wire(settings.model_copy(update={"database_url": type(settings.database_url)(url)}))
    migrate(wired.engine)
    found = wired.office
    today, rules = found.clock.today(), found.rules
    with found.work() as work:
        connection, table = applications_in(work)
        term: Any = lambda day: due_on(day, rules.term_days, rules.term_unit, found.is_holiday)  # noqa: E731
        generate(connection, table, found.current_form(today), invented, today, term, lambda _: None)
    try:
        yield OwnDatabase(found, url)
    finally:
        wired.engine.dispose()
        with psycopg.connect(world.superuser_url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
