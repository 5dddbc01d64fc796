"""The server itself: what it takes, what it refuses, how it stops. A real one, around a small app."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from waitress.adjustments import Adjustments

from ibok_idp.connections import _Connection
from tests.support.free_ports import free_ports

_APP = """
import os, sys, time
from flask import Flask, request
from ibok_idp.serve import serve

def make():
    app = Flask("small")

    @app.route("/", methods=["GET", "POST"])
    @app.route("/metrics")
    @app.route("/<path:path>", methods=["GET", "POST"])
    def answer(path=""):
        time.sleep(float(request.args.get("seconds", 0)))
        names = sorted(name for name in request.environ if name.startswith(("HTTP_", "SCRIPT", "PATH_INFO")))
        seen = {name: request.environ[name] for name in names}
        return {"pid": os.getpid(), "path": path, "seen": seen, "length": len(request.get_data())}

    return app

serve(make, f"127.0.0.1:{sys.argv[1]}", 4, largest_body=20 * 2**20, processes=2)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-c", _APP, str(port)], cwd=Path(__file__).parents[2])
    _wait_until_answering(port)
    yield port, process
    process.terminate()
    process.wait(25)


def _wait_until_answering(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok
            return
        except requests.RequestException:
            assert time.monotonic() < until
            time.sleep(0.1)


def _raw(port: int, data: bytes) -> bytes:
    """Everything that comes back until the server closes, or has been silent for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            pass
        return answer


_HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"Transfer-Encoding: xchunked\r\n\r\n", b"501"),
        (b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", b"501"),
        (b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", b"4"),
        (b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n", b"400"),
        (b"Content-Length: 0, 44\r\n\r\n", b"400"),
        (b"Content-Length: +44\r\n\r\n", b"400"),
        (b"Content-Length: -1\r\n\r\n", b"400"),
        (b"Content-Length: 0x2c\r\n\r\n", b"400"),
        (b"Content-Length: 4_4\r\n\r\n", b"400"),
        (b"Content-Length : 44\r\n\r\n", b"400"),
        (b"X: a\nContent-Length: 44\r\n\r\n", b"400"),
        (b"X: a\r\n Content-Length: 44\r\n\r\n", b"400"),
        (b"Host: y\r\n\r\n", b"400"),
        (b"X: a\rb\r\n\r\n", b"400"),
        (b"X: a\0b\r\n\r\n", b"400"),
    ],
)
def test_what_two_servers_could_read_in_two_ways_is_refused_and_nothing_behind_it_is_served(
    server: tuple[int, object], head: bytes, status: bytes
) -> None:
    answer = _raw(server[0], b"POST / HTTP/1.1\r\nHost: x\r\n" + head + _HIDDEN)
    assert answer.startswith((b"HTTP/1.1 " + status, b"HTTP/1.0 " + status)), answer[:100]
    assert answer.count(b"HTTP/1.") == 1, answer
    assert b"hidden" not in answer
    assert b"Server:" not in answer
    assert b"nosniff" in answer


def test_h18_no_header_stands_in_for_the_path_or_for_a_header_with_hyphens(server: tuple[int, object]) -> None:
    names = ["SCRIPT_NAME", "PATH_INFO", "X_Forwarded_For", "X_Forwarded-For", "HTTP_HOST", "REMOTE_ADDR", "Content_Length"]
    for name in names:
        raw = _raw(server[0], f"GET /metrics HTTP/1.1\r\nHost: x\r\n{name}: /elsewhere\r\nConnection: close\r\n\r\n".encode())
        assert raw.startswith(b"HTTP/1.1 200"), raw
        assert b"elsewhere" not in raw, name
        assert b'"SCRIPT_NAME":""' in raw.replace(b" ", b"")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 8100 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /" + b"a" * 8300 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(50)) + b"\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(70)) + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 16_000 + b"\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 16_500 + b"\r\n\r\n", b"431"),
    ],
)
def test_heads_have_their_limits(server: tuple[int, object], request_bytes: bytes, status: bytes) -> None:
    answer = _raw(server[0], request_bytes.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answer.split(b" ")[1] == status


def test_a_head_without_an_end_is_not_read_for_ever(server: tuple[int, object]) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as connection:
        with pytest.raises(OSError):
            for _ in range(10_000):
                connection.sendall(b"X: " + b"a" * 10_000 + b"\r\n")


def test_bodies_up_to_the_limit_are_taken_and_larger_ones_refused_at_once(server: tuple[int, object]) -> None:
    url = f"http://127.0.0.1:{server[0]}/"
    assert requests.post(url, data=b"a" * (17 * 2**20), timeout=30).json()["length"] == 17 * 2**20
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (21 * 2**20)
    assert _raw(server[0], head).startswith(b"HTTP/1.1 413")


def test_requests_sent_in_one_go_are_answered_one_by_one_in_order(server: tuple[int, object]) -> None:
    sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(9))
    answer = _raw(server[0], sent + b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    places = [answer.index(f'"path":"{each}"'.encode()) for each in (*range(9), "last")]
    assert places == sorted(places)


def test_an_answer_does_not_say_what_serves_it_and_several_processes_share_the_port(server: tuple[int, object]) -> None:
    answers = [requests.get(f"http://127.0.0.1:{server[0]}/?seconds=0.05", timeout=5) for _ in range(30)]
    assert all("Server" not in each.headers for each in answers)
    until = time.monotonic() + 20
    seen: set[int] = set()
    while len(seen) < 2 and time.monotonic() < until:
        seen.add(requests.get(f"http://127.0.0.1:{server[0]}/", timeout=5).json()["pid"])
    assert len(seen) == 2


def test_a_stop_finishes_what_runs_cuts_off_what_drips_and_takes_less_than_twenty_seconds() -> None:
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-c", _APP, str(port)], cwd=Path(__file__).parents[2])
    _wait_until_answering(port)
    with socket.create_connection(("127.0.0.1", port)) as running, socket.create_connection(("127.0.0.1", port)) as dripping:
        running.sendall(b"GET /?seconds=3 HTTP/1.1\r\nHost: x\r\n\r\n")
        dripping.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        running.settimeout(20)
        assert running.recv(65536).startswith(b"HTTP/1.1 200")
        assert process.wait(20) == 0
        assert time.monotonic() - begun < 15
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


class _Door:
    def __init__(self) -> None:
        self.active_channels: dict[int, object] = {}
        self.tasks: list[object] = []

    def add_task(self, task: object) -> None:
        self.tasks.append(task)

    def held_bytes(self) -> int:
        return 0


@pytest.fixture
def connection() -> Iterator[_Connection]:
    ours, theirs = socket.socketpair()
    yield _Connection(_Door(), ours, ("127.0.0.1", 1), Adjustments(), map={})
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("sent", "patience"),
    [(b"", 30), (b"GET / HTTP/1.1\r\nX: ", 30), (b"POST / HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + b"a" * 204_800, 130)],
)
def test_f14_who_sends_too_slowly_is_cut_off_in_time_and_not_before(connection: _Connection, sent: bytes, patience: float) -> None:
    now = time.time()
    connection.received(sent)
    assert not connection.too_slow(now + patience - 2)
    assert connection.too_slow(now + patience + 2)


def test_f14_who_takes_too_slowly_is_cut_off_but_nobody_who_waits_for_us(connection: _Connection) -> None:
    now = time.time()
    connection.received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not connection.too_slow(now + 1000)
    connection.requests.clear()
    assert not connection.too_slow(now + 70)  # between two requests
    assert connection.too_slow(now + 80)
    connection.total_outbufs_len = 100_000
    assert not connection.too_slow(now)
    assert not connection.too_slow(now + 29)
    connection._sent += 204_800
    assert not connection.too_slow(now + 129)
    assert connection.too_slow(now + 131)


def test_f14_a_body_is_not_taken_while_too_much_is_held(connection: _Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Door, "held_bytes", lambda _self: 2**31)
    connection.received(b"POST / HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n")
    connection.received(b"a" * 1_500_000)
    assert connection.requests[0].error.code == 503
