"""Fixtures. The stack is started once for a run: by `make test`, or here when pytest is called by hand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.databases import Databases, running_databases
from tests.support.stack import stack_for_tests
from tests.support.world import World

settings.register_profile("ibok", deadline=None)  # speed is measured in `make bench`, never on a busy machine
settings.load_profile("ibok")


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """PostgreSQL alone, started once for this process."""
    with running_databases() as found:
        yield found


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A whole running stack: real Keycloak, PostgreSQL, SMTP and our three processes."""
    if shared := os.environ.get("IBOK_TEST_STACK"):
        yield World(Path(shared))
        return
    with tempfile.TemporaryDirectory(prefix="ibok-test-") as folder:
        Path(folder).chmod(0o755)
        stack = stack_for_tests(Path(folder))
        stack.start()
        try:
            yield World(stack.state / "stack.json")
        finally:
            stack.stop()
