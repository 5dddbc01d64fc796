"""An Office on an embedded PostgreSQL of its own, without Keycloak: seconds to start, for what needs the database alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import HttpUrl, SecretStr

from ibok_idp.local.postgres import Postgres
from provisioning.adapters.postgres.schema import migrate
from provisioning.settings import Settings
from provisioning.wiring import Wired, wire
from tests.support.free_ports import free_ports


@contextmanager
def embedded_office(folder: Path) -> Iterator[Wired]:
    """Start the server in this folder, which must be readable to all; stop it afterwards."""
    (port,) = free_ports(1)
    server = Postgres(folder / "db", port)
    server.start(folder / "postgres.log")
    try:
        url = server.ensure_database("ibok_provisioning", secrets.token_hex(12))
        wired = wire(
            Settings(
                database_url=SecretStr(url),
                keycloak_url=HttpUrl("http://127.0.0.1:1"),
                webapp_url=HttpUrl("http://127.0.0.1:2"),
                provisioning_url=HttpUrl("http://127.0.0.1:3"),
                temporary_password_key=SecretStr("k" * 32),
                personal_data_key=SecretStr("p" * 32),
                smtp_url=SecretStr("smtp://127.0.0.1:4"),
            )
        )
        migrate(wired.engine)
        yield wired
        wired.engine.dispose()
    finally:
        server.stop()
