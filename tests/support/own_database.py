"""An Office on a database of its own, for what walks through every application there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from provisioning.adapters.postgres.demo_applications import generate
from provisioning.adapters.postgres.schema import migrate
from provisioning.ports.services import Services
from provisioning.wiring import Wired, wire
from tests.support.world import World


@dataclass(frozen=True)
class OwnDatabase:
    """Everything that is wired, on this database alone."""

    wired: Wired
    url: str

    @property
    def services(self) -> Services:
        return self.wired.services

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def fill(self, invented: int) -> None:
        """Write so many invented applications."""
        with self.services.work() as work:
            generate(self.services, work, invented)


@contextmanager
def own_database(world: World, invented: int = 0, **settings: str) -> Iterator[OwnDatabase]:
    """A fresh one on the stack's PostgreSQL, with so many invented applications; dropped afterwards."""
    name = f"ibok_own_{secrets.token_hex(4)}"
    with psycopg.connect(world.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER ibok_provisioning")
    url = world.secrets["IBOK_DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    known = world.settings(**settings)
    wired = wire(known.model_copy(update={"database_url": type(known.database_url)(url)}))
    migrate(wired.engine)
    own = OwnDatabase(wired, url)
    own.fill(invented)
    try:
        yield own
    finally:
        wired.engine.dispose()
        with psycopg.connect(world.superuser_url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
