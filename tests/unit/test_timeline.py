"""The way of an application on its status page."""

import pytest
from flask import Flask

from ibok_idp.look.company import load_utility
from ibok_idp.look.flask_look import install_look
from webapp.application_form.timeline import Stage, timeline

DAY = "2026-11-24T09:00:00+00:00"
BEGUN = {
    "status": "unconfirmed",
    "signature_kind": "declaration",
    "received_at": DAY,
    "email_confirmed": False,
    "email_confirmed_at": None,
    "filed_on": None,
    "due_on": None,
    "decided_at": None,
    "completion": None,
    "number_added": False,
}
FILED = BEGUN | {
    "status": "filed",
    "email_confirmed": True,
    "email_confirmed_at": DAY,
    "filed_on": "2026-11-24",
    "due_on": "2026-12-08",
}
PAPER = BEGUN | {"signature_kind": "paper", "email_confirmed": True, "email_confirmed_at": DAY}
ASKED = {"asked_at": DAY, "answered_at": None}


@pytest.mark.parametrize(
    ("status", "now"),
    [
        (BEGUN, "Potwierdź adres e-mail linkiem z wiadomości"),
        (PAPER, "Podpisany wydruk dociera do biura BOK i wniosek jest złożony"),
        (FILED, "Sprawdzamy wniosek"),
        (FILED | {"status": "in_review"}, "Sprawdzamy wniosek"),
        (FILED | {"status": "incomplete", "completion": ASKED}, "Czekamy na uzupełnienie"),
        (FILED | {"status": "incomplete", "completion": ASKED | {"answered_at": DAY}}, "Sprawdzamy wniosek"),
        (FILED | {"status": "approved", "decided_at": DAY}, "Zakładamy konto"),
        (FILED | {"status": "registered", "decided_at": DAY}, None),
        (FILED | {"status": "rejected", "decided_at": DAY}, None),
        (FILED | {"status": "withdrawn", "decided_at": DAY}, None),
    ],
)
def test_one_step_at_most_is_now_and_what_follows_is_still_to_come(status: dict[str, object], now: str | None) -> None:
    app = Flask("timeline")
    app.secret_key = "k" * 32
    install_look(app, load_utility(None), keycloak_origin="http://localhost", secure=False)
    with app.test_request_context("/"):
        steps = timeline(status)
    assert [step.what for step in steps if step.stage is Stage.NOW] == ([now] if now else [])
    stages = [step.stage for step in steps]
    assert stages == sorted(stages, key=[Stage.DONE, Stage.NOW, Stage.NEXT, Stage.ENDED].index)
    assert all(step.when for step in steps if step.stage is Stage.DONE and step.what != "Konto założone")
