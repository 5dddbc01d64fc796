"""Limits per visitor (F05, F13): who counts as one, and that mails are limited whatever mailbox they go to."""

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import TooManyRequests

from webapp.application_form.views import within_mail_limit
from webapp.limits import allow, first_use, visitor


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


def test_f13_a_visitor_cannot_cause_more_mails_by_changing_the_last_half_of_an_ipv6_address() -> None:
    app = Flask("limits")
    app.extensions["ibok_limiter"] = Limiter(get_remote_address, app=app, storage_uri="memory://", default_limits=[])
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
    app.extensions["ibok_limiter"] = Limiter(get_remote_address, app=app, storage_uri="memory://", default_limits=[])
    passed = 0
    for address in addresses:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            passed += allow("filing", per_hour)
    return passed


def test_f05_of_ten_thousand_forms_from_one_address_only_the_hours_number_is_taken() -> None:
    assert taken(["203.0.113.7"] * 10_000, 60) == 60
    assert taken([f"2001:db8::{number:x}" for number in range(10_000)], 60) == 60


def test_f05_many_addresses_each_have_their_own_number() -> None:
    assert taken([f"203.0.113.{number}" for number in range(100)] * 3, 2) == 200


def test_f05_the_solution_of_a_puzzle_counts_once_from_however_many_addresses() -> None:
    app = Flask("limits")
    app.extensions["ibok_limiter"] = Limiter(get_remote_address, app=app, storage_uri="memory://", default_limits=[])
    used = []
    for number in range(100):
        with app.test_request_context(environ_base={"REMOTE_ADDR": f"203.0.113.{number}"}):
            used.append(first_use("the same salt"))
    assert used == [True] + [False] * 99
