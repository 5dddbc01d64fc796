"""The fast ring: use cases on a real PostgreSQL, with a Keycloak and a mail server in memory and a clock to turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.databases import Databases
from tests.support.ring import Ring, make_ring


@pytest.fixture(scope="session")
def shared_ring(databases: Databases) -> Iterator[Ring]:
    with databases.fresh() as url:
        ring = make_ring(url)
        yield ring
        ring.close()


@pytest.fixture
def ring(shared_ring: Ring) -> Ring:
    """The ring as new: everything answers, nothing happens meanwhile; what earlier tests left unsettled is out of the way."""
    shared_ring.calm()
    shared_ring.sql("UPDATE accounts SET unsettled = false, nonce = NULL WHERE unsettled")
    shared_ring.sql("UPDATE mails SET state = 'void' WHERE state IN ('queued', 'deferred')")
    return shared_ring
