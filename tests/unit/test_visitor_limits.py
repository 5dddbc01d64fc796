"""Limits per visitor (F05, F13): who counts as one, and that mails are limited whatever mailbox they go to."""

from collections.abc import Iterator
from threading import Thread

import pytest
from fakeredis import TcpFakeServer
from flask import Flask, request
from werkzeug.exceptions import TooManyRequests

from webapp.application_form.views import within_mail_limit
from webapp.limits import allow, counters, first_use, visitor


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
    app.extensions["ibok_counters"] = counters(storage)
    return app


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


def test_f13_a_visitor_cannot_cause_more_mails_by_changing_the_last_half_of_an_ipv6_address() -> None:
    app = app_counting_in("memory://")
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
    app = app_counting_in("memory://")
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
    app = app_counting_in("memory://")
    used = []
    for number in range(100):
        with app.test_request_context(environ_base={"REMOTE_ADDR": f"203.0.113.{number}"}):
            used.append(first_use("the same salt"))
    assert used == [True] + [False] * 99


def test_f05_several_processes_count_together_in_valkey(valkey: str) -> None:
    passed = 0
    for app in (app_counting_in(valkey), app_counting_in(valkey)):
        for _ in range(3):
            with app.test_request_context(environ_base={"REMOTE_ADDR": "203.0.113.7"}):
                passed += allow("filing", 4)
    assert passed == 4
