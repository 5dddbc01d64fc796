"""Every application that waits for a decision, read in portions, for what walks through all of them (S4)."""

from __future__ import annotations

from collections.abc import Iterator

from provisioning.domain.application import CORRECTABLE, Application
from provisioning.ports.services import Services

_BATCH = 1000


def undecided(services: Services) -> Iterator[Application]:
    """In the order of the numbers; each portion in a transaction of its own."""
    after = ""
    while True:
        with services.work() as work:
            batch = work.applications.open_after(after, _BATCH)
        yield from (each for each in batch if each.status in CORRECTABLE)
        if len(batch) < _BATCH:
            return
        after = batch[-1].reference
