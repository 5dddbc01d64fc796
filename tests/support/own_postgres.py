"""An embedded PostgreSQL of its own with one empty database, as the fast ring has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibok_idp.local.postgres import Postgres
from tests.support.free_ports import free_ports


@contextmanager
def own_postgres(folder: Path) -> Iterator[str]:
    """Start it in a folder and stop it at the end; the database's address."""
    folder.chmod(0o755)
    server = Postgres(folder / "db", free_ports(1)[0])
    server.start(folder / "postgres.log")
    try:
        yield server.ensure_database("own", "own")
    finally:
        server.stop()
