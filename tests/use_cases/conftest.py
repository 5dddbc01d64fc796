"""The fast ring: use cases on a real PostgreSQL, with a Keycloak and a mail server in memory and a clock to turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ibok_idp.local.postgres import Postgres
from tests.support.free_ports import free_ports
from tests.support.ring import Ring, make_ring


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """One embedded server for this process."""
    with tempfile.TemporaryDirectory(prefix="ibok-ring-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "db", free_ports(1)[0])
        server.start(Path(folder) / "postgres.log")
        try:
            url = server.ensure_database("ring", "ring")
            with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
                connection.execute("ALTER ROLE ring SET synchronous_commit = off")  # nothing here tests the disk
            yield url
        finally:
            server.stop()


@pytest.fixture(scope="session")
def shared_ring(database_url: str) -> Iterator[Ring]:
    ring = make_ring(database_url)
    yield ring
    ring.close()


@pytest.fixture
def ring(shared_ring: Ring) -> Ring:
    """The ring as new: everything answers, nothing happens meanwhile; what earlier tests left unsettled is out of the way."""
    shared_ring.calm()
    shared_ring.sql("UPDATE accounts SET unsettled = false, nonce = NULL WHERE unsettled")
    shared_ring.sql("UPDATE mails SET state = 'void' WHERE state IN ('queued', 'deferred')")
    return shared_ring
