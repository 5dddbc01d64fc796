"""PostgreSQL alone, up in three seconds, for what needs a real database and nothing else."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from ibok_idp.database import make_engine
from ibok_idp.local.postgres import Postgres
from provisioning.adapters.postgres.schema import migrate
from provisioning.settings import Settings
from provisioning.wiring import Wired, wire
from tests.support.free_ports import free_ports


class BarePostgres:
    """One server; every test takes a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.server = Postgres(folder / "db", free_ports(1)[0])
        self.log = folder / "postgres.log"
        self.server.start(self.log)
        self._template: str | None = None

    @contextmanager
    def database(self, *, migrated: bool = False) -> Iterator[str]:
        """The URL of a fresh database: empty, or with the schema of provisioning."""
        name = f"bare_{secrets.token_hex(4)}"
        if migrated:
            self._copy_of_the_schema(name)
        url = self.server.ensure_database(name, "bare")
        try:
            yield url
        finally:
            self._as_superuser(f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")

    @contextmanager
    def wired(self, **changes: Any) -> Iterator[Wired]:
        """Provisioning on a database of its own; Keycloak and the mail server are nobody."""
        with self.database(migrated=True) as url:
            wired = wire(settings(url, **changes))
            try:
                yield wired
            finally:
                wired.engine.dispose()

    def _copy_of_the_schema(self, name: str) -> None:
        if self._template is None:
            self._template = "bare_template"
            engine = make_engine(self.server.ensure_database(self._template, "bare"))
            migrate(engine)
            engine.dispose()
        self._as_superuser(
            f"CREATE ROLE {name}",
            f"GRANT {self._template} TO {name}",  # the tables stay the template's
            f"CREATE DATABASE {name} OWNER {name} TEMPLATE {self._template}",
        )

    def _as_superuser(self, *statements: str) -> None:
        with psycopg.connect(self.server.superuser_url(), autocommit=True) as connection:
            for each in statements:
                connection.execute(each)


@contextmanager
def bare_postgres() -> Iterator[BarePostgres]:
    with tempfile.TemporaryDirectory(prefix="ibok-pg-") as folder:
        Path(folder).chmod(0o755)
        bare = BarePostgres(Path(folder))
        try:
            yield bare
        finally:
            bare.server.stop()


def settings(url: str, **changes: Any) -> Settings:
    """Settings with nobody but the database behind them."""
    nobody = "http://127.0.0.1:9"
    values: dict[str, Any] = {
        "database_url": url,
        "keycloak_url": nobody,
        "webapp_url": "http://localhost:8000",
        "provisioning_url": "http://localhost:8001",
        "provisioning_client_secret": "s" * 40,
        "staff_client_secret": "s" * 40,
        "session_key": "s" * 40,
        "temporary_password_key": "t" * 40,
        "personal_data_key": "p" * 40,
        "smtp_url": "smtp://127.0.0.1:9",
    }
    return Settings(**values | changes)
