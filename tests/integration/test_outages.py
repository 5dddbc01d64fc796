"""O05, O06 and the other outages as visitors meet them: a page that says so, nothing lost, no loop."""

import re
from typing import Any

import pytest
import requests

from tests.support.page_check import check_page
from tests.support.portal import app
from tests.support.world import World, code_flow


def page(answer: Any, status: int) -> str:
    assert answer.status_code == status
    check_page(answer.text, answer.headers, answer.request.path)
    return str(answer.text)


def test_o06_keycloak_away_at_login_is_said_and_does_not_loop(world: World) -> None:
    client = app(world, keycloak_url="http://localhost:1")
    answer = client.get("/logowanie")
    assert "Chwilowa przerwa w logowaniu" in page(answer, 503)
    assert answer.headers["Retry-After"]
    assert page(client.get("/"), 200)
    assert "662 277 045" in page(client.get("/haslo"), 200)


def test_provisioning_away_keeps_the_answers_of_the_form(world: World) -> None:
    working, broken = app(world), app(world, provisioning_url="http://localhost:1")
    token = re.search(r'name="csrf_token" value="([^"]+)"', working.get("/wniosek").text)[1]
    assert working.post("/wniosek", data={"csrf_token": token}).status_code == 303
    assert working.post("/wniosek/klient", data={"csrf_token": token, "customer_type": "person"}).status_code == 303
    for cookie in working._cookies.values():
        broken.set_cookie(cookie.key, cookie.value)
    answer = broken.post("/wniosek/dane", data={"csrf_token": token, "first_name": "Zofia"})
    assert "Odpowiedzi w formularzu są zachowane" in page(answer, 503)
    assert "Twoje dane" in page(working.get("/wniosek/dane"), 200)  # still at its place


def test_without_its_database_webapp_says_so(world: World) -> None:
    client = app(world)
    client.application.session_interface._engine = __import__("sqlalchemy").create_engine(
        "postgresql+psycopg://x:y@127.0.0.1:1/none"
    )
    client.set_cookie("ibok_portal", "something")
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 503


def test_o05_a_refresh_token_used_twice_ends_the_session(world: World) -> None:
    customer = world.active()
    secret = world.secrets["IBOK_PORTAL_CLIENT_SECRET"]
    tokens = code_flow(world, "ibok-portal", secret, f"{world.webapp}/oidc/callback", customer["login"], customer["own"])

    def refresh(token: str) -> requests.Response:
        data = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "ibok-portal", "client_secret": secret}
        return requests.post(f"{world.issuer}/protocol/openid-connect/token", data=data, timeout=30)

    newer = refresh(tokens["refresh_token"])
    assert newer.status_code == 200
    assert refresh(tokens["refresh_token"]).status_code == 400  # the stolen copy
    assert refresh(newer.json()["refresh_token"]).status_code == 400  # and with it the session


def test_a_refreshed_session_goes_on_and_two_tabs_at_once_are_no_theft(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import psycopg

    customer = world.active()
    visitor = customer["visitor"]
    import ibok_idp.oidc_login

    monkeypatch.setattr(ibok_idp.oidc_login, "_REFRESH_BEFORE_SECONDS", 10_000)  # every token counts as old
    client = app(world)
    for cookie in visitor.session.cookies:
        if cookie.name == "ibok_portal":
            client.set_cookie("ibok_portal", cookie.value)

    def open_account(_: int) -> int:
        other = client.application.test_client()
        other.set_cookie("ibok_portal", client._cookies[next(iter(client._cookies))].value)
        return int(other.get("/konto").status_code)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(open_account, range(4))) == {200}
    with psycopg.connect(world.secrets["IBOK_WEBAPP_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM web_sessions").fetchone()[0] > 0


def test_a_slow_request_neither_revives_an_ended_session_nor_brings_old_tokens_back(world: World) -> None:
    """Two requests of one browser overlap: what the slower one read at its start must not overwrite the quicker one."""
    client = app(world)
    store = client.application.session_interface
    with client.application.test_request_context("/"):
        first = store.open_session(client.application, __import__("flask").request)
        first["login"] = {"access_token": "old", "sid": "s-test", "subject": "u"}
        store.save_session(client.application, first, client.application.response_class())
    with store._engine.connect() as connection:
        from sqlalchemy import text

        count = connection.execute(text("SELECT count(*) FROM web_sessions WHERE sid = 's-test'")).scalar_one()
    assert count == 1

    def opened(identifier: str) -> Any:
        cookie = {"Cookie": f"{store.cookie}={identifier}"}
        with client.application.test_request_context("/", headers=cookie):
            return store.open_session(client.application, __import__("flask").request)

    response = client.application.response_class()
    with client.application.test_request_context("/"):
        session = store.open_session(client.application, __import__("flask").request)
        session["login"] = {"access_token": "old", "sid": "s-two", "subject": "u"}
        store.save_session(client.application, session, response)
    identifier = response.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    slow, quick = opened(identifier), opened(identifier)
    with store.locked(quick) as data:
        data["login"] = {**data["login"], "access_token": "new"}
    slow["draft"] = {"answers": {}}
    store.save_session(client.application, slow, client.application.response_class())
    assert (opened(identifier)["login"]["access_token"], "draft" in opened(identifier)) == ("new", True)
    late = opened(identifier)
    assert store.end_by_sid("s-two", None) == 1
    late["draft"] = {}
    store.save_session(client.application, late, client.application.response_class())
    assert dict(opened(identifier)) == {}
    store.end_by_sid("s-test", None)
