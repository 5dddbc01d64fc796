"""One application, for tests of the pure core."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from provisioning.domain.application import Application, Channel, Status

CODES = ("K1-DANE", "K2-REGULAMIN")


def application(**changes: Any) -> Application:
    base = Application(
        reference="2026-000001-1",
        status=Status.FILED,
        channel=Channel.WEB,
        form_version="2026-1",
        terms_version="2026-1",
        language="pl",
        customer_type="person",
        data={"first_name": "A", "last_name": "B", "email": "a@example.com", "customer_number": "1"},
        pesel=None,
        clauses=dict.fromkeys(CODES, True),
        terms_accepted=True,
        signature={"kind": "declaration"},
        received_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    return replace(base, **changes)
