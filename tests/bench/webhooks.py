"""Webhooks: deliveries a second, and how long a change takes to its receiver while another receiver is dead.

`python -m tests.bench.webhooks`: a PostgreSQL of its own, the worker's own duties, receivers in this process. One
change after another, then 1,000 at once, then 1,000 that have waited.
"""

from __future__ import annotations

import http.server
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from ibok_idp.applications.file import Application, Webhook, Words
from ibok_idp.applications.secrets import Secrets
from provisioning.adapters.postgres.news import NewsBell
from provisioning.adapters.webhooks import HttpReceivers
from provisioning.use_cases.account import suspend
from provisioning.worker.run import Told, duties
from tests.support.free_ports import free_ports
from tests.support.own_postgres import own_postgres
from tests.support.ring import REGISTRAR, Ring, make_ring

_ACCOUNTS, _AT_ONCE, _ONE_BY_ONE = 50, 1000, 100
_WORDS = Words(pl="Odbiorca", en="Receiver")
_console = Console()


class Receiver(http.server.ThreadingHTTPServer):
    """Notes when each event arrived."""

    daemon_threads, request_queue_size = True, 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrived: dict[str, tuple[float, str]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.arrived[event["data"]["event_id"]] = (time.time(), event["timestamp"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def telling(ring: Ring, url: str, receiver: Receiver) -> Iterator[None]:
    """The worker's duties that tell: one receiver that answers, one that does not exist."""
    ports = {"app-well": receiver.server_port, "app-dead": free_ports(1)[0]}
    applications = [
        Application(client_id=name, name=_WORDS, sentence=_WORDS, webhook=Webhook(url=f"http://127.0.0.1:{port}/"))
        for name, port in ports.items()
    ]
    secret = {f"IBOK_APP_{name}_WEBHOOK_SECRETS": f"whsec_{'A' * 43}=" for name in ("WELL", "DEAD")}
    bell, over = NewsBell(url), threading.Event()
    told = Told(HttpReceivers(applications, Secrets(None, secret)), bell)
    ours = [duty for duty in duties(ring.services, None, told) if duty.name.startswith("webhooks:")]

    def keep(do: Any) -> None:
        while not over.is_set():
            do()

    threads = [threading.Thread(target=keep, args=(duty.do,), daemon=True) for duty in ours]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(5)
        bell.close()


def measure(ring: Ring, url: str) -> dict[str, float]:
    """Deliveries a second of a crowd; seconds from commit to receiver, alone and in the crowd."""
    receiver = Receiver()
    logins = [ring.active() for _ in range(_ACCOUNTS)]

    def turn(login: str, count: int) -> None:
        for number in range(count):
            if number % 2:
                suspend.resume(ring.services, REGISTRAR, login, None)
            else:
                suspend.suspend(ring.services, REGISTRAR, login, "powód")

    with telling(ring, url, receiver):
        time.sleep(2)  # both receivers have their place before anything happens
        for login in logins:
            turn(login, _ONE_BY_ONE // _ACCOUNTS)
            time.sleep(0.05)
        _wait(receiver, _ONE_BY_ONE)
        alone = _delays(receiver)
        receiver.arrived.clear()
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda login: turn(login, _AT_ONCE // _ACCOUNTS), logins))
        decided = time.monotonic() - began
        _wait(receiver, _AT_ONCE)
        took = time.monotonic() - began
        crowd = _delays(receiver)
    receiver.arrived.clear()
    with ThreadPoolExecutor(4) as pool:  # nobody tells meanwhile
        list(pool.map(lambda login: turn(login, _AT_ONCE // _ACCOUNTS), logins))
    began = time.monotonic()
    with telling(ring, url, receiver):
        _wait(receiver, _AT_ONCE)
        backlog = time.monotonic() - began
    return {
        "alone_p95_s": _p95(alone),
        "decided_per_s": _AT_ONCE / decided,
        "delivered_meanwhile_per_s": _AT_ONCE / took,
        "crowd_p95_s": _p95(crowd),
        "backlog_per_s": _AT_ONCE / backlog,
    }


def _wait(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 300
    while len(receiver.arrived) < count:
        assert time.monotonic() < deadline, f"{len(receiver.arrived)} of {count} arrived"
        time.sleep(0.01)


def _delays(receiver: Receiver) -> list[float]:
    return [at - datetime.fromisoformat(told).timestamp() for at, told in receiver.arrived.values()]


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[18]


def main() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ibok-bench-") as folder, own_postgres(Path(folder)) as url:
        ring = make_ring(url)
        found = measure(ring, url)
        ring.close()
    for name, value in found.items():
        _console.print(f"{name}: {value:.3f}", highlight=False)
    return found


if __name__ == "__main__":
    main()
