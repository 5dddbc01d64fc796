"""Fixtures on PostgreSQL alone."""

from collections.abc import Iterator

import pytest

from ibok_idp.log import configure_logging
from provisioning.wiring import Wired
from tests.support.bare_postgres import BarePostgres, bare_postgres
from tests.support.database_alone import alone, server

__all__ = ["alone", "postgres", "server", "wired"]


@pytest.fixture(scope="session", autouse=True)
def _logs_as_our_processes_write_them() -> None:
    configure_logging()  # structlog's own pictures of a traceback take seconds


@pytest.fixture(scope="session")
def postgres() -> Iterator[BarePostgres]:
    with bare_postgres() as bare:
        yield bare


@pytest.fixture
def wired(postgres: BarePostgres) -> Iterator[Wired]:
    with postgres.wired() as found:
        yield found
