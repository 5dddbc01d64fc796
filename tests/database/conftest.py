"""Fixtures on PostgreSQL alone."""

from collections.abc import Iterator

import pytest

from ibok_idp.log import configure_logging
from provisioning.wiring import Wired
from tests.support.database_alone import Alone, alone_on
from tests.support.databases import Databases


@pytest.fixture(scope="session", autouse=True)
def _logs_as_our_processes_write_them() -> None:
    configure_logging()  # structlog's own pictures of a traceback take seconds


@pytest.fixture
def wired(databases: Databases) -> Iterator[Wired]:
    with databases.wired() as found:
        yield found


@pytest.fixture
def alone(databases: Databases) -> Iterator[Alone]:
    with alone_on(databases) as found:
        yield found
