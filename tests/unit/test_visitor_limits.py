"""Limits per visitor (F05, F13): who counts as one, and that mails are limited whatever mailbox they go to."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from fakeredis import TcpFakeServer
from flask import Flask, request
from werkzeug.exceptions import TooManyRequests

from tests.support.free_ports import free_ports
from webapp.application_form.status import within_mail_limit
from webapp.limits import Counters, allow, first_use, visitor


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),  # the same, through a socket that speaks both
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "nonsense", True),
    ],
)
def test_f05_one_visitor_is_an_ipv4_address_or_a_64_of_ipv6(one: str, other: str, same: bool) -> None:
    assert (visitor(one) == visitor(other)) == same


def app_counting_in(storage: str) -> Flask:
    app = Flask("limits")
    app.extensions["ibok_counters"] = Counters("memory://")
    app.extensions["ibok_settings"] = type("Settings", (), {"mails_per_hour": 3})
    for number in range(3):
        with app.test_request_context(environ_base={"REMOTE_ADDR": f"2001:db8::{number:x}"}):
            within_mail_limit()
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8::ffff"}), pytest.raises(TooManyRequests):
        within_mail_limit()
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8:1::1"}):
        within_mail_limit()


def taken(addresses: list[str], per_hour: int) -> int:
    """How many of the requests from these addresses are let through within the hour."""
    app = Flask("limits")
    app.extensions["ibok_counters"] = Counters("memory://")
    passed = 0
    with app.test_request_context():
        for address in addresses:
            request.remote_addr = address
            passed += allow("filing", per_hour)
    return passed


def test_f05_of_ten_thousand_forms_from_one_address_only_the_hours_number_is_taken() -> None:
    assert taken(["203.0.113.7"] * 10_000, 60) == 60
    assert taken([f"2001:db8::{number:x}" for number in range(10_000)], 60) == 60


def test_f05_many_addresses_each_have_their_own_number() -> None:
    assert taken([f"203.0.113.{number}" for number in range(100)] * 3, 2) == 200


def test_f05_the_solution_of_a_puzzle_counts_once_from_however_many_addresses() -> None:
    app = Flask("limits")
    app.extensions["ibok_counters"] = Counters("memory://")
    used = []
    for number in range(100):
        with app.test_request_context(environ_base={"REMOTE_ADDR": f"203.0.113.{number}"}):
            used.append(first_use("the same salt"))
    assert used == [True] + [False] * 99


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_while_valkey_is_away_the_limit_holds_in_the_process_and_valkey_is_left_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)  # nobody listens there
    clock = Clock()
    counters = Counters(f"valkey://127.0.0.1:{port}", clock)
    asked = []
    hit = counters._shared.hit
    monkeypatch.setattr(counters._shared, "hit", lambda *whose: asked.append(whose) or hit(*whose))
    assert [counters.hit(2, "password", "203.0.113.7") for _ in range(4)] == [True, True, False, False]
    assert len(asked) == 1
    clock.now = 11
    counters.hit(2, "password", "203.0.113.7")
    assert len(asked) == 2


@pytest.mark.skipif(
    shutil.which("redis-server") is None and shutil.which("valkey-server") is None, reason="no Valkey or Redis here"
)
def test_two_webapps_count_together_in_valkey_and_go_on_when_it_comes_back(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    clock = Clock()
    one, other = (Counters(f"valkey://127.0.0.1:{port}", clock) for _ in range(2))
    with store(port, tmp_path):
        assert [one.hit(3, "filing", "v"), other.hit(3, "filing", "v"), one.hit(3, "filing", "v")] == [True] * 3
        assert not other.hit(3, "filing", "v")
    assert one.hit(3, "filing", "v")  # its own memory begins to count
    clock.now = 11
    with store(port, tmp_path):
        assert [one.hit(2, "new", "v"), other.hit(2, "new", "v"), one.hit(2, "new", "v")] == [True, True, False]


@contextmanager
def store(port: int, folder: Path) -> Iterator[None]:
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    assert program is not None
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


@pytest.fixture
def valkey() -> Iterator[str]:
    """The address of a server that speaks the protocol of Valkey, its scripts included."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="valkey", server_version=(8,))
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"valkey://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    serving.join()


def test_f05_several_processes_count_together_in_valkey(valkey: str) -> None:
    one, other = Counters(valkey), Counters(valkey)
    assert [each.hit(4, "filing", "203.0.113.7") for each in (one, other) * 3] == [True] * 4 + [False] * 2
