"""PostgreSQL for tests that need no Keycloak: one server for a test process, up in seconds, and a database for each who asks."""

from __future__ import annotations

import secrets
import subprocess
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

_TEMPLATE = "migrated"


class Databases:
    """One server; a test may stop it and start it again when it is the test's own."""

    def __init__(self, folder: Path) -> None:
        self.server = Postgres(folder / "db", free_ports(1)[0], folder / "locales")
        self.log = folder / "postgres.log"
        self.start()
        self._as_superuser("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off")  # no test is of the disk
        self._as_superuser("SELECT pg_reload_conf()")
        engine = make_engine(self.server.ensure_database(_TEMPLATE, "migrated"))
        migrate(engine)
        engine.dispose()

    def start(self) -> None:
        self.server.start(self.log)

    def stop(self) -> None:
        self.server.stop()

    @contextmanager
    def fresh(self, create: str = f"TEMPLATE {_TEMPLATE}") -> Iterator[str]:
        """The URL of a new database with a role of its own; both are gone afterwards.

        Args:
            create: what `CREATE DATABASE` says of it; by default it has the whole schema of provisioning.
        """
        name = f"fresh_{secrets.token_hex(4)}"
        self._as_superuser(
            f"CREATE ROLE {name}",
            f"GRANT {_TEMPLATE} TO {name}",  # the tables stay the template's
            f"CREATE DATABASE {name} OWNER {name} {create}",
        )
        try:
            yield self.server.ensure_database(name, "fresh")
        finally:
            self._as_superuser(f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")

    @contextmanager
    def wired(self, create: str = f"TEMPLATE {_TEMPLATE}", **changes: Any) -> Iterator[Wired]:
        """Provisioning on a database of its own; Keycloak and the mail server are nobody."""
        with self.fresh(create) as url:
            wired = wire(settings(url, **changes))
            migrate(wired.engine)
            try:
                yield wired
            finally:
                wired.engine.dispose()

    def compile_polish_locale(self) -> bool:
        """Make `pl_PL.UTF-8` known to the server, which has no ICU; False where the system has no sources of locales."""
        assert self.server.locales is not None
        self.server.locales.mkdir(exist_ok=True)
        command = ["localedef", "-i", "pl_PL", "-f", "UTF-8", str(self.server.locales / "pl_PL.UTF-8")]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def _as_superuser(self, *statements: str) -> None:
        with psycopg.connect(self.server.superuser_url(), autocommit=True) as connection:
            for each in statements:
                connection.execute(each)


@contextmanager
def running_databases() -> Iterator[Databases]:
    """A server in a folder of its own, stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="ibok-pg-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user when this runs as root
        databases = Databases(Path(folder))
        try:
            yield databases
        finally:
            databases.stop()


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
