"""O05, O06, O07: the tokens behind a session are renewed once, say anew who may what, and hold nothing up."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

import ibok_idp.oidc_login
from tests.support.portal import app
from tests.support.world import World


@pytest.fixture
def customer(world: World) -> dict[str, Any]:
    return world.active()


def with_session(client: Any, visitor: Any) -> Any:
    """A test client that goes on in the visitor's session."""
    for cookie in visitor.session.cookies:
        if cookie.name == "ibok_portal":
            client.set_cookie("ibok_portal", cookie.value)
    return client


def another(client: Any) -> Any:
    other = client.application.test_client()
    other.set_cookie("ibok_portal", client._cookies[next(iter(client._cookies))].value)
    return other


@pytest.fixture
def slow_keycloak(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event, list[str]]:
    """Token requests wait at the edge until they are let go: asked, let go, what was asked."""
    asked, go, calls = threading.Event(), threading.Event(), []
    post = requests.post

    def slowly(url: str, **options: Any) -> requests.Response:
        if url.endswith("/token") and options["data"].get("grant_type") == "refresh_token":
            calls.append(url)
            asked.set()
            assert go.wait(20)
        return post(url, **options)

    monkeypatch.setattr(ibok_idp.oidc_login.requests, "post", slowly)
    return asked, go, calls


def test_while_one_session_waits_for_keycloak_nothing_else_does(
    world: World, customer: dict[str, Any], slow_keycloak: tuple[threading.Event, threading.Event, list[str]]
) -> None:
    """Also not the database: one connection serves everybody while the question is open."""
    asked, go, calls = slow_keycloak
    client = with_session(app(world), customer["visitor"])
    store = client.application.session_interface
    expire(store, customer)
    store._engine.dispose()
    with ThreadPoolExecutor(5) as pool:
        waiting = pool.submit(lambda: another(client).get("/konto").status_code)
        assert asked.wait(20)
        assert store._engine.pool.checkedout() == 0
        assert client.application.test_client().get("/wniosek").status_code == 200
        tabs = [pool.submit(lambda: another(client).get("/konto").status_code) for _ in range(3)]
        time.sleep(0.3)
        go.set()
        assert [each.result(30) for each in [waiting, *tabs]] == [200] * 4
    assert len(calls) == 1  # rotation would have taken a second one for theft


def expire(store: Any, customer: dict[str, Any]) -> None:
    """Let the access token of the customer's session run out."""
    from sqlalchemy import text

    with store._engine.begin() as connection:
        for row in connection.execute(text("SELECT id_hash, data FROM web_sessions WHERE subject IS NOT NULL")).all():
            data = store._decrypt(row.data)
            if data and data["login"]["username"] == customer["login"]:
                data["login"]["expires_at"] = 0
                sealed = store._fernet.encrypt(__import__("json").dumps(data).encode())
                connection.execute(text("UPDATE web_sessions SET data = :d WHERE id_hash = :i"), {"d": sealed, "i": row.id_hash})


def test_o06_an_outage_during_the_renewal_keeps_the_session(
    world: World, customer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = with_session(app(world), customer["visitor"])
    expire(client.application.session_interface, customer)
    post = requests.post

    def gone(*_arguments: Any, **_options: Any) -> requests.Response:
        raise requests.ConnectionError

    monkeypatch.setattr(ibok_idp.oidc_login.requests, "post", gone)
    assert client.get("/konto").status_code == 503
    monkeypatch.setattr(ibok_idp.oidc_login.requests, "post", post)
    assert client.get("/konto").status_code == 200  # at once: nobody waits for the one who failed


def test_o07_a_user_disabled_in_an_open_session_is_out_with_the_next_token(world: World, customer: dict[str, Any]) -> None:
    """Disabled in the console, and nothing else: Keycloak keeps the session itself, the refresh is what it refuses."""
    client = with_session(app(world), customer["visitor"])
    disable(world, customer)
    expire(client.application.session_interface, customer)
    assert_out(client)
    page = world.visitor().log_in(f"{world.webapp}/konto", customer["login"], customer["own"])
    assert page.url.startswith(world.keycloak), page.heading


def test_o07_whoever_is_logged_out_in_the_console_is_out_with_the_next_token(world: World, customer: dict[str, Any]) -> None:
    client = with_session(app(world), customer["visitor"])
    user = world.user(customer["login"])
    assert user is not None
    assert world.admin("POST", f"/users/{user['id']}/logout").status_code == 204
    expire(client.application.session_interface, customer)
    assert_out(client)


def disable(world: World, customer: dict[str, Any]) -> None:
    user = world.user(customer["login"])
    assert user is not None
    assert world.admin("PUT", f"/users/{user['id']}", json=user | {"enabled": False}).status_code == 204
    found = world.user(customer["login"])
    assert found is not None
    assert not found["enabled"]


def assert_out(client: Any) -> None:
    answer = client.get("/konto")
    assert answer.status_code == 302
    assert "/logowanie" in answer.headers["Location"]
    assert client.get("/konto").status_code == 302


def test_a_session_that_ended_meanwhile_is_not_brought_back_by_its_renewal(
    world: World, customer: dict[str, Any], slow_keycloak: tuple[threading.Event, threading.Event, list[str]]
) -> None:
    asked, go, _ = slow_keycloak
    client = with_session(app(world), customer["visitor"])
    store = client.application.session_interface
    expire(store, customer)
    user = world.user(customer["login"])
    assert user is not None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: another(client).get("/konto").status_code)
        assert asked.wait(20)
        assert store.end_by_sid(None, user["id"]) >= 1
        go.set()
        assert waiting.result(30) == 302
    assert store.of_subject(user["id"]) == []
