"""The short campaign of faults, and the parts it is made of."""

import asyncio
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from rich.console import Console

from faults import campaign
from faults.__main__ import short_plan
from faults.choices import Choices
from faults.ground import BesideSharedStack
from faults.proxy import Proxies, Way
from tests.support.free_ports import free_ports
from tests.support.world import World


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            while data := self.request.recv(4096):
                self.request.sendall(data.upper())


@contextmanager
def way_to_an_echo() -> Iterator[tuple[Proxies, int]]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_ports(1)[0]
    proxies = Proxies({"echo": port})
    proxies.start({"echo": ("127.0.0.1", server.server_address[1])})
    try:
        yield proxies, port
    finally:
        proxies.stop()
        server.shutdown()
        server.server_close()


def said(port: int, words: bytes = b"hello", seconds: float = 2) -> bytes:
    """What comes back until the other side closes or the time is over."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(words)
        return connection.recv(4096)


def changed(proxies: Proxies, mode: str, **more: object) -> None:
    proxies.change("echo", mode, **more)  # type: ignore[arg-type]
    time.sleep(0.3)


def test_a_proxy_passes_delays_cuts_refuses_swallows_and_speaks() -> None:
    with way_to_an_echo() as (proxies, port):
        assert said(port) == b"HELLO"
        changed(proxies, "delay", milliseconds=400)
        began = time.monotonic()
        assert said(port) == b"HELLO"
        assert time.monotonic() - began > 0.7  # both directions
        changed(proxies, "cut")
        with suppress(ConnectionResetError):
            assert said(port) == b"HE"
        changed(proxies, "refuse")
        with pytest.raises(ConnectionRefusedError):
            said(port)
        changed(proxies, "say", text="421 not now\r\n")
        assert said(port) == b"421 not now\r\n"
        changed(proxies, "pass")
        assert said(port) == b"HELLO"


def test_what_hung_in_a_black_hole_arrives_when_the_way_is_open_again() -> None:
    with way_to_an_echo() as (proxies, port), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"one")
        assert connection.recv(10) == b"ONE"
        changed(proxies, "black_hole")
        connection.sendall(b"two")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        changed(proxies, "pass")
        connection.settimeout(10)
        assert connection.recv(10) == b"TWO"


def test_a_way_that_leads_nowhere_refuses_every_password_when_told() -> None:
    async def dialog() -> list[bytes]:
        port = free_ports(1)[0]
        way = Way(port, "", None)
        await way.change("refuse_login")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = [await reader.readline()]
        writer.write(b"a1 LOGIN ibok secret\r\n")
        found.append(await reader.readline())
        writer.close()
        return found

    greeting, answer = asyncio.run(dialog())
    assert greeting.startswith(b"* OK")
    assert answer.startswith(b"a1 NO [AUTHENTICATIONFAILED]")


def test_the_same_seed_draws_the_same_and_another_seed_something_else() -> None:
    def drawn(seed: str) -> list[int]:
        choices = Choices(seed, "x")
        return [choices.below(1000) for _ in range(300)]

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")
    assert len(set(drawn("a"))) > 150


@pytest.mark.timeout(600)
def test_k01_to_k06_after_a_short_campaign_of_faults_every_invariant_holds(world: World, tmp_path: Path) -> None:
    seed = Choices(str(time.time_ns())).of([f"{number:04x}" for number in range(65_536)])
    tmp_path.chmod(0o755)
    ground = BesideSharedStack(tmp_path, world)
    ground.start()
    threading.Thread(target=ground.watch, daemon=True).start()
    console = Console(width=160)
    try:
        outcome = campaign.run(ground, short_plan(seed), console)
    finally:
        ground.stop()
    campaign.show(outcome, console)
    assert outcome.breaches == [], f"again with: python -m faults --short --seed {seed}"
    assert sum(outcome.faults.values()) >= 24
    assert outcome.figures["mailed passwords logged in with"] > 0
