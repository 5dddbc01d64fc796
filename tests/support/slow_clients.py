"""Clients that hold connections and hardly move: slow headers, slow bodies, slow readers (F14).

By hand: `python -m tests.support.slow_clients http://localhost:8000 --kind headers --count 200`
"""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

KINDS = ("silent", "headers", "body", "reader")
_ANSWERS_ASKED = 60  # of 120 kB each: more than the buffers of both kernels take
_DRIP_SECONDS = 0.5
_SETTLED_SECONDS = 1  # what so many ask for in their first moment is a crowd, not slowness


@dataclass(frozen=True)
class Waited:
    """How long others waited while the slow ones held on, in seconds; `failed` counts what got no good answer."""

    health: float
    page: float
    asked: int
    failed: int


class SlowClients:
    """`count` connections of one kind, kept up until the block ends.

    Args:
        kind: `silent` sends nothing, `headers` a byte of a header at a time, `body` a byte of a body at a time,
            `reader` asks for much and reads none of it.
    """

    def __init__(self, url: str, kind: str, count: int) -> None:
        parts = urlsplit(url)
        self._address, self._kind, self._count = (parts.hostname or "", parts.port or 80), kind, count
        self._sockets: list[socket.socket] = []
        self._stopping = threading.Event()

    def __enter__(self) -> SlowClients:
        for _ in range(self._count):
            slow = socket.socket()
            if self._kind == "reader":
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(5)
            slow.connect(self._address)
            slow.setblocking(False)
            with contextlib.suppress(OSError):
                slow.send(self._opening())
            self._sockets.append(slow)
        self._dripping = threading.Thread(target=self._drip, daemon=True)
        self._dripping.start()
        time.sleep(_SETTLED_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._dripping.join()
        for slow in self._sockets:
            slow.close()

    def held(self) -> int:
        """How many of them the server has not closed."""
        with selectors.DefaultSelector() as ready:
            for slow in self._sockets:
                ready.register(slow, selectors.EVENT_READ)
            gone = 0
            for key, _ in ready.select(0):
                try:
                    gone += key.fileobj.recv(1, socket.MSG_PEEK) == b""  # type: ignore[union-attr]
                except OSError:
                    gone += 1
        return len(self._sockets) - gone

    def _opening(self) -> bytes:
        if self._kind == "silent":
            return b""
        if self._kind == "headers":
            return b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
        if self._kind == "body":
            head = "POST /haslo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
            return (head + "Content-Type: application/x-www-form-urlencoded\r\n\r\nlogin=").encode()
        return b"GET /static/ibok.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * _ANSWERS_ASKED

    def _drip(self) -> None:
        while not self._stopping.wait(_DRIP_SECONDS):
            if self._kind in ("headers", "body"):
                for slow in self._sockets:
                    with contextlib.suppress(OSError):
                        slow.send(b"a")


def others_meanwhile(url: str, seconds: float, *, page: str = "/healthz") -> Waited:
    """Ask for `/healthz` and a page on fresh connections, again and again; the longest waits."""
    longest, asked, failed = {"/healthz": 0.0, page: 0.0}, 0, 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in longest:
            begun = time.monotonic()
            try:
                failed += requests.get(url + path, timeout=5, allow_redirects=False).status_code >= 400
            except requests.RequestException:
                failed += 1
            asked += 1
            longest[path] = max(longest[path], time.monotonic() - begun)
    return Waited(longest["/healthz"], longest[page], asked, failed)


@contextlib.contextmanager
def slow_clients(url: str, count: int) -> Iterator[list[SlowClients]]:
    """`count` of each kind at once."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(SlowClients(url, kind, count)) for kind in KINDS]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("url")
    asked.add_argument("--kind", choices=KINDS, default="headers")
    asked.add_argument("--count", type=int, default=200)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--page", default="/healthz")
    given = asked.parse_args()
    with SlowClients(given.url, given.kind, given.count) as slow:
        waited = others_meanwhile(given.url, given.seconds, page=given.page)
        print(
            f"{given.count} x {given.kind}: /healthz at most {waited.health:.3f} s, {given.page} at most {waited.page:.3f} s, "
            f"{waited.failed} of {waited.asked} failed, {slow.held()} still held"
        )


if __name__ == "__main__":
    main()
