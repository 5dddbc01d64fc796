"""H18: `/metrics` is for the monitoring, whatever a request pretends."""

import pytest
from flask import Flask

from ibok_idp.metrics import MetricsDoor, install_metrics

TOKEN = "t" * 30


def answer(door: MetricsDoor, **headers: str) -> int:
    app = Flask(__name__)
    install_metrics(app, lambda: b"numbers 1", door)
    return app.test_client().get("/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()}).status_code


@pytest.mark.parametrize(("bind", "proxies"), [("127.0.0.1", 0), ("127.0.0.1", 1), ("0.0.0.0", 0)])
def test_with_a_token_only_the_token_opens(bind: str, proxies: int) -> None:
    door = MetricsDoor(TOKEN, bind=bind, trusted_proxies=proxies)
    assert answer(door, Authorization=f"Bearer {TOKEN}") == 200
    for wrong in ("", TOKEN, "Bearer ", f"Bearer {TOKEN}x", f"bearer {TOKEN}", "Bearer ż", "Basic dDp0"):
        assert answer(door, Authorization=wrong) == 404


@pytest.mark.parametrize(
    ("bind", "proxies"), [("0.0.0.0", 0), ("::", 0), ("10.1.2.3", 0), ("127.0.0.1", 1), ("::1", 2), ("portal", 0)]
)
def test_without_a_token_nothing_opens_where_others_can_come_from(bind: str, proxies: int) -> None:
    assert answer(MetricsDoor("", bind=bind, trusted_proxies=proxies)) == 404


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "localhost"])
def test_without_a_token_this_machine_reads_but_nobody_who_was_passed_on(bind: str) -> None:
    door = MetricsDoor("", bind=bind, trusted_proxies=0)
    assert answer(door) == 200
    for name in ("X_Forwarded_For", "X_Forwarded_Host", "X_Forwarded_Proto", "X_Real_IP", "Forwarded", "Via"):
        assert answer(door, **{name: "203.0.113.9"}) == 404
