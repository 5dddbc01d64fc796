"""Requests a second at 8 connections, as a part of what a bare Flask page does that takes one row from PostgreSQL.

The bare page runs on the same server with as many processes as the page that it is compared with, and each is asked in turn.
"""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from provisioning.adapters.postgres.demo_applications import generate
from provisioning.settings import Settings
from tests.bench.figures import Figure, Measured, interleaved
from tests.support.free_ports import free_ports
from tests.support.world import World, eventually

CONNECTIONS, SECONDS, ROUNDS, APPLICATIONS = 8, 2.0, 3, 3000


@dataclass(frozen=True)
class Asked:
    """One page, who asks for it, and the bare page that it is compared with."""

    key: str
    what: str
    url: str
    cookies: dict[str, str]
    bare: str
    least: float


def measure(world: World) -> Measured:
    with world.services().work() as work:
        generate(world.services(), work, APPLICATIONS)
    customer, staff = world.active(), world.staff("registrar")
    reference = world.sql("SELECT reference FROM applications WHERE status = 'filed' ORDER BY reference DESC LIMIT 1")[0][0]
    mine, desk = dict(customer["visitor"].session.cookies), dict(staff.session.cookies)
    webapp, provisioning = world.webapp, world.provisioning
    several = Settings.model_fields["web_processes"].default
    with bare(world, 1) as one_process, bare(world, several) as processes:
        asked = [
            Asked("home", "home page", f"{webapp}/", {}, one_process, 0.6),
            Asked("form", "start of the form", f"{webapp}/wniosek", {}, one_process, 0.5),
            Asked("konto", "a customer's own page", f"{webapp}/konto", mine, one_process, 0.3),
            Asked("queue", f"staff queue, {APPLICATIONS} applications", f"{provisioning}/", desk, processes, 0.2),
            Asked("application", "one application", f"{provisioning}/wniosek/{reference}", desk, processes, 0.25),
        ]
        ways: dict[str, Any] = {each.key: lambda each=each: _rate(each.url, each.cookies) for each in asked}
        ways |= {url: lambda url=url: _rate(url, {}) for url in (one_process, processes)}
        for way in ways.values():
            way()
        rates = interleaved(ways, ROUNDS)
    median = {name: statistics.median(values) for name, values in rates.items()}
    figures = [
        Figure(each.key, f"{each.what}, part of a bare page", median[each.key] / median[each.bare], least=each.least)
        for each in asked
    ]
    named = {{one_process: "bare, one process", processes: f"bare, {several} processes"}.get(k, k): v for k, v in rates.items()}
    return Measured(figures, {"requests a second": named})


@contextmanager
def bare(world: World, processes: int) -> Iterator[str]:
    """The bare page; its address."""
    (port,) = free_ports(1)
    environment = {"PATH": os.environ["PATH"], "IBOK_DATABASE_URL": world.secrets["IBOK_DATABASE_URL"]}
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.bare", str(port), str(processes)], env=environment)
    url = f"http://127.0.0.1:{port}/"
    try:
        eventually(lambda: _answers(url))
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def _rate(url: str, cookies: dict[str, str]) -> float:
    """Requests a second; every one of them is answered 200."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        counts = list(pool.map(lambda _: _ask_until(began + SECONDS, url, cookies), range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


def _ask_until(end: float, url: str, cookies: dict[str, str]) -> int:
    parts = urlsplit(url)
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    count = 0
    while time.perf_counter() < end:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (url, answer.status)
        count += 1
    connection.close()
    return count
