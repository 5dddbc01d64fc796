"""S4 to S6 on the real parts: one call, a ready-made hash, a mail, the first login."""

import json
import re
import secrets
from pathlib import Path

import psycopg
import pytest
import requests

from ibok_idp.customers import NewCustomer
from ibok_idp.directory import CustomerDirectory
from ibok_idp.errors import KeycloakRefused, KeycloakUnavailable, LoginBelongsToAnother
from ibok_idp.temporary_password import derive, new_nonce
from tests.support.world import World, eventually


def customer(login: str, application: str) -> NewCustomer:
    return NewCustomer(login, "a@example.com", "Zażółć", "Gęślą", "pl", application, ("40118270",))


def directory(world: World, **changes: str) -> CustomerDirectory:
    return CustomerDirectory(
        world.keycloak, "ibok-provisioning", changes.get("secret", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"])
    )


def new_login() -> str:
    return f"tt{secrets.randbelow(10**8):08d}"


def test_s4_the_user_is_made_with_one_call_and_the_clear_password_is_in_no_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, str]] = []
    real = requests.Session.send

    def recorded(self: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        sent.append((str(request.method), str(request.url), str(request.body)))
        return real(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", recorded)
    login, password = new_login(), derive(secrets.token_bytes(32), new_nonce(), "test")
    made = directory(world).create(customer(login, f"2026-T1-{login}"), password)
    assert made.outcome == "created"
    assert [verb for verb, url, _ in sent if "/admin/" in url and verb != "GET"] == ["POST"]
    assert all(password not in text for exchange in sent for text in exchange)
    page = world.visitor().log_in(f"{world.webapp}/konto", login, password)  # the hash is one that Keycloak accepts
    assert "password-new" in page.text


def test_k02_a_repeat_finds_the_same_user_and_another_owner_is_an_alarm(world: World) -> None:
    login, password = new_login(), derive(secrets.token_bytes(32), new_nonce(), "test")
    first = directory(world).create(customer(login, f"2026-T2-{login}"), password)
    assert directory(world).create(customer(login.upper(), f"2026-T2-{login}"), password).user_id == first.user_id
    with pytest.raises(LoginBelongsToAnother):
        directory(world).create(customer(login, f"2026-T3-{login}"), password)
    with pytest.raises(LoginBelongsToAnother):
        directory(world).create(customer("registrar", f"2026-T4-{login}"), password)  # outside /customers: cannot even be seen
    found = directory(world).find_by_application(f"2026-T2-{login}")
    assert found is not None
    assert found.user_id == first.user_id


def test_keycloak_that_is_away_or_refuses_is_told_apart(world: World) -> None:
    with pytest.raises(KeycloakUnavailable):
        CustomerDirectory("http://localhost:1", "ibok-provisioning", "x").hashing_parameters()
    with pytest.raises(KeycloakRefused):
        directory(world, secret="wrong").hashing_parameters()


def test_s4_s5_s6_from_approval_to_the_portal(world: World) -> None:
    found = world.active()
    user = world.admin("GET", f"/users?exact=true&username={found['login']}").json()[0]
    assert user["attributes"]["ibok_application"] == [found["reference"]]
    assert user["attributes"]["ibok_customer_numbers"] == [found["customer_number"]]
    assert user["requiredActions"] == []
    assert found["pesel"] not in json.dumps(user)
    assert found["login"] in found["page"].text
    assert "aktywne" in found["page"].text  # S6: active at once, without anybody's help
    detail = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("clerk")).json()
    assert detail["status"] == "registered"
    assert detail["account"]["state"] == "active"
    actions = [line["action"] for line in detail["history"]]
    for once in ("application.approved", "account.created", "account.active"):
        assert actions.count(once) == 1
    again = world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["temporary"])
    assert "password-new" not in again.text  # the temporary password is dead


def test_s6_keycloak_itself_refuses_what_the_rule_forbids(world: World) -> None:
    found = world.registered()
    visitor = world.visitor()
    page = visitor.log_in(f"{world.webapp}/konto", found["login"].upper(), found["temporary"])
    for refused in (
        "Abcdef1",
        "abcdef12",
        "ABCDEF12",
        "Abcdefgh",
        "Zażółć12",
        "Abcdef12ó",
        "Abcdef1２a",
        "Abcdef12\u00a0",
        "Аbcdef12",
        found["login"],
    ):
        page = visitor.send(page, {"password-new": refused, "password-confirm": refused})
        assert "password-new" in page.text, refused
        assert "ib-alert" in page.text or "ib-msg" in page.text
    page = visitor.send(page, {"password-new": "Abcdef12 z", "password-confirm": "Abcdef12 x"})
    assert "Hasła nie są takie same" in page.text
    page = visitor.send(page, {"password-new": "Abcdef12 z", "password-confirm": "Abcdef12 z"})
    assert page.url.startswith(f"{world.webapp}/konto")


def test_s6_active_without_the_portal_ever_being_opened(world: World) -> None:
    found = world.registered()
    user = world.admin("GET", f"/users?exact=true&username={found['login']}").json()[0]
    world.admin("PUT", f"/users/{user['id']}", json=user | {"requiredActions": []})  # as if set elsewhere; no event of ours
    token = world.staff_token("clerk")
    eventually(
        lambda: world.call("GET", f"/staff/applications/{found['reference']}", token).json()["account"]["state"] == "active", 200
    )


def test_a_login_page_left_open_too_long_leads_back_with_a_sentence(world: World) -> None:
    visitor = world.visitor()
    page = visitor.open(f"{world.webapp}/konto")
    visitor.session.cookies.clear()  # what the browser forgets when the login session ends
    page = visitor.send(page, {"username": "wp00000000", "password": "x"})
    assert page.heading == "Coś poszło nie tak"
    assert "Wróć do strony iBOK i spróbuj ponownie" in page.text


def test_p08_after_the_journey_no_store_and_no_log_holds_a_password_or_pesel(world: World) -> None:
    found = world.active(pesel="02070803628")
    secret = {
        found["own"],
        found["temporary"],
        "02070803628",
        *(v for k, v in world.secrets.items() if k.endswith(("_SECRET", "_KEY", "_PASSWORD"))),
    }
    dumped = []
    for name in ("IBOK_DATABASE_URL", "IBOK_WEBAPP_DATABASE_URL"):
        with psycopg.connect(world.secrets[name]) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            )
            for (table,) in tables.fetchall():
                rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
                dumped.append(f"{table}: {rows!r}")
    for log in (world.state / "logs").iterdir():
        dumped.append(f"{log.name}: {log.read_text(errors='replace')}")
    for pid in world.stack["pids"].values():
        dumped.append(Path(f"/proc/{pid}/cmdline").read_text() if Path(f"/proc/{pid}").exists() else "")
    for text in dumped:
        for value in secret:
            assert value not in text, text[: text.find(":")]
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"]) as connection:
        nonce = connection.execute("SELECT nonce FROM accounts WHERE login = %s", (found["login"],)).fetchone()
    assert nonce == (None,)  # nothing can yield the temporary password again
    assert not re.search(found["pesel"], "".join(dumped))


def test_p08_a_process_is_given_no_secret_it_does_not_need(world: World) -> None:
    forbidden = {
        "webapp": [
            "IBOK_PROVISIONING_CLIENT_SECRET",
            "IBOK_TEMPORARY_PASSWORD_KEY",
            "IBOK_KEYCLOAK_ADMIN_PASSWORD",
            "IBOK_DATABASE_PASSWORD",
        ],
        "provisioning": ["IBOK_PROVISIONING_CLIENT_SECRET", "IBOK_KEYCLOAK_ADMIN_PASSWORD", "IBOK_PORTAL_CLIENT_SECRET"],
        "worker": ["IBOK_STAFF_CLIENT_SECRET", "IBOK_KEYCLOAK_ADMIN_PASSWORD", "IBOK_SESSION_KEY"],
    }
    for name, secrets_of_others in forbidden.items():
        environment = Path(f"/proc/{world.stack['pids'][name]}/environ").read_text()
        for secret in secrets_of_others:
            assert world.secrets[secret] not in environment, (name, secret)
