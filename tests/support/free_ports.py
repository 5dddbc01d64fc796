"""Settings of a stack for tests: every port free, state in a folder of its own."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from ibok_idp.settings import LocalSettings


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held open together so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def local_settings(folder: Path) -> LocalSettings:
    names = (
        "webapp_port",
        "provisioning_port",
        "worker_port",
        "keycloak_port",
        "keycloak_management_port",
        "mailbox_port",
        "smtp_port",
        "postgres_port",
        "invoices_port",
    )
    ports: dict[str, Any] = dict(zip(names, free_ports(len(names)), strict=True))
    return LocalSettings(state_dir=folder / "state", **ports)
