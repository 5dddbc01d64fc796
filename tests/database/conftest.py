"""Fixtures on PostgreSQL alone."""

from collections.abc import Iterator

import pytest

from provisioning.wiring import Wired
from tests.support.bare_postgres import BarePostgres, bare_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[BarePostgres]:
    with bare_postgres() as bare:
        yield bare


@pytest.fixture
def wired(postgres: BarePostgres) -> Iterator[Wired]:
    with postgres.wired() as found:
        yield found
