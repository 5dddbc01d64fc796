"""Visits: when a row is written, and what a cookie without a row can do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, redirect, session
from time_machine import travel

from ibok_idp.web_session import SessionStore

KEY = "k" * 32


class NoDatabase:
    """Whoever asks for a row here fails the test."""

    def begin(self) -> Any:
        raise AssertionError("a row was read or written")


def app(**values: Any) -> Flask:
    """`/` remembers `values`, `/read` tells what is remembered."""
    made = Flask(__name__)
    made.testing = True
    SessionStore(NoDatabase(), KEY, timedelta(hours=2), secure=False, name="visit").install(made)  # type: ignore[arg-type]

    @made.get("/")
    def remember() -> Any:
        session.update(values)
        return redirect("/read")

    @made.get("/read")
    def read() -> dict[str, Any]:
        return dict(session)

    return made


def state(number: int) -> dict[str, Any]:
    return {f"_state_keycloak_{number}": {"data": {"nonce": "n" * 400}, "exp": 1}}


@pytest.mark.parametrize("light", [{"csrf_token": "a" * 40}, {"reset_salt": "s" * 20}, {"after_login": "/konto"}, state(1)])
def test_who_only_looks_at_pages_has_no_row(light: dict[str, Any]) -> None:
    client = app(**light).test_client()
    answer = client.get("/")
    assert "HttpOnly" in answer.headers["Set-Cookie"] and "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert str(next(iter(light.values()))) not in answer.headers["Set-Cookie"]
    assert client.get("/read").json == light


@pytest.mark.parametrize("name", ["login", "draft", "filed", "viewer", "anything_new"])
def test_what_must_be_remembered_rests_in_a_row(name: str) -> None:
    with pytest.raises(AssertionError, match="a row was"):
        app(csrf_token="a", **{name: {}}).test_client().get("/")


def test_a_cookie_that_is_old_altered_or_of_another_key_is_a_new_visit() -> None:
    client = app(csrf_token="a").test_client()
    client.get("/")
    value = client.get_cookie("visit").value
    for wrong in (value[:-4] + "AAA=", value[:40], "v1.", "v1.ż"):
        client.set_cookie("visit", wrong)
        assert client.get("/read").json == {}
    client.set_cookie("visit", value)
    with travel("2099-01-01"):
        assert client.get("/read").json == {}


def test_logins_begun_again_and_again_stay_one_small_cookie() -> None:
    client = app().test_client()
    for number in range(30):
        client.application.view_functions["remember"] = lambda number=number: session.update(state(number)) or "ok"
        client.get("/")
        assert len(client.get_cookie("visit").value) <= 3500
    assert "_state_keycloak_29" in client.get("/read").json


def test_f11_over_https_the_cookie_is_bound_to_this_host_and_never_goes_over_http() -> None:
    made = Flask(__name__)
    store = SessionStore(NoDatabase(), KEY, timedelta(hours=2), secure=True, name="visit")  # type: ignore[arg-type]
    store.install(made)

    @made.get("/")
    def remember() -> str:
        session["csrf_token"] = "a" * 40
        return ""

    client = made.test_client()
    cookie = client.get("/", base_url="https://ibok.example").headers["Set-Cookie"]
    assert cookie.startswith("__Host-visit=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {each.strip() for each in cookie.split(";")}
    assert "Domain" not in cookie
    assert client.get_cookie("__Host-visit", "ibok.example") is not None
