"""The shared look: the visitor's address behind a proxy, and languages."""

import pytest
from flask import Flask, request

from ibok_idp.look.company import load_utility
from ibok_idp.look.flask_look import install_look


@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")])
def test_f05_limits_see_the_visitors_address_only_through_trusted_proxies(proxies: int, seen: str) -> None:
    app = Flask("look")
    app.secret_key = "x"
    install_look(app, load_utility(None), keycloak_origin="http://kc", secure=True, trusted_proxies=proxies)
    app.get("/address")(lambda: f"{request.remote_addr} {request.host}")
    headers = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Forwarded-Host": "evil.example"}
    answer = app.test_client().get("/address", headers=headers)
    assert answer.text == f"{seen} localhost"
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert "http://kc" in answer.headers["Content-Security-Policy"]


def test_the_language_is_asked_for_remembered_and_polish_otherwise() -> None:
    app = Flask("look")
    app.secret_key = "x"
    install_look(app, load_utility(None), keycloak_origin="http://kc", secure=False)
    client = app.test_client()
    assert 'lang="pl"' in client.get("/missing").text
    assert 'lang="en"' in client.get("/missing?lang=en").text
    assert 'lang="en"' in client.get("/missing").text
    assert 'lang="en"' in client.get("/missing?lang=xx").text
    assert 'lang="pl"' in client.get("/missing?lang=pl").text
