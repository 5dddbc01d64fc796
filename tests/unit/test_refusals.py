"""ASVS 16.3.2: whoever is refused is in the log, with the route and without what an address holds."""

from types import SimpleNamespace

from flask import Flask, abort, g
from structlog.testing import capture_logs

from ibok_idp.refusals import log_refusals


def _app() -> Flask:
    app = Flask("refusals")
    log_refusals(app)

    @app.post("/link/<token>")
    def refused(token: str) -> None:
        g.user = SimpleNamespace(username="wp0000017")
        abort(403)

    @app.get("/nobody")
    def of_nobody() -> tuple[str, int]:
        return "no", 403

    app.get("/open")(lambda: "yes")
    return app


def test_a_refusal_names_the_person_and_the_route_and_never_the_address() -> None:
    client = _app().test_client()
    with capture_logs() as lines:
        client.post("/link/a-secret?q=44051401359")
    assert lines == [
        {
            "event": "access.refused",
            "log_level": "warning",
            "who": "wp0000017",
            "verb": "POST",
            "route": "/link/<token>",
            "address": "127.0.0.1",
        }
    ]


def test_a_refusal_of_nobody_known_is_logged_too_and_an_answer_is_not() -> None:
    client = _app().test_client()
    with capture_logs() as lines:
        client.get("/nobody")
        client.get("/open")
        client.get("/missing")
    assert [(line["who"], line["route"]) for line in lines] == [(None, "/nobody")]
