"""Applications that join: their clients in the realm, what a token says, one login for all, and the end of it everywhere."""

import base64
import json
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jws
from standardwebhooks import Webhook as StandardWebhook

from ibok_idp.applications.file import read_applications
from ibok_idp.applications.secrets import Secrets
from ibok_idp.errors import ClientOfAnother
from ibok_idp.realm.desired import load
from ibok_idp.realm.joined import keep_secrets, with_applications, with_those_that_left
from ibok_idp.realm.server import RealmServer
from provisioning.use_cases.account.wanted import decided
from tests.support.production_realm import under_another_name
from tests.support.world import World, code_flow, eventually

CLI = str(Path(sys.executable).parent / "ibok-idp")
FILE = """
[[application]]
client_id = "app-odczyty"
name = { pl = "Odczyty", en = "Readings" }
sentence = { pl = "Podaj stan wodomierza.", en = "Give a reading." }
home_url = "https://odczyty.example.com/"
redirect_uris = ["https://odczyty.example.com/cb"]
backchannel_logout_url = "https://odczyty.example.com/logout"
claims = ["customer_numbers"]
own = false
tile = true

[[application]]
client_id = "app-billing"
name = { pl = "Biling", en = "Billing" }
sentence = { pl = "Rozliczenia.", en = "Billing." }
roles = ["register.write", "contracts.end"]

[application.webhook]
url = "https://billing.example.com/webhooks"
"""


@pytest.fixture
def other_realm(world: World) -> Iterator[tuple[RealmServer, dict[str, Any]]]:
    """A realm of another name from the same file."""
    name = f"ibok-{secrets.token_hex(4)}"
    admin = (world.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"], world.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"])
    values = {"IBOK_WEBAPP_URL": world.webapp, "IBOK_PROVISIONING_URL": world.provisioning, **world.secrets}
    yield RealmServer(world.keycloak, *admin, name), under_another_name(load(values, staff_second_factor=False), name)
    requests.delete(f"{world.keycloak}/admin/realms/{name}", headers={"Authorization": f"Bearer {world.admin_token()}"}, timeout=60)


def claims_of(token: str) -> dict[str, Any]:
    """What is inside; the signature is checked elsewhere."""
    return dict(json.loads(jws.extract_compact(token.encode()).payload))


def test_a_file_makes_the_clients_mends_them_and_closes_those_that_left(other_realm: Any, tmp_path: Path) -> None:
    server, wanted = other_realm
    applications, wrong = read_applications(FILE)
    assert not wrong
    kept = Secrets(tmp_path / "secrets", {})
    both = with_applications(wanted, applications, kept)
    server.apply(with_those_that_left(both, server))
    written = keep_secrets(server, applications, kept)
    assert {path.name for path in written} == {
        "app-odczyty.client-secret", "app-billing.client-secret", "app-billing.webhook-secrets",
    }  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert keep_secrets(server, applications, kept) == []

    both = with_applications(wanted, applications, kept)
    assert server.diff(with_those_that_left(both, server)) == []
    clients = {client["clientId"]: client for client in server.clients()}
    readings, billing = clients["app-odczyty"], clients["app-billing"]
    assert (readings["consentRequired"], billing["consentRequired"]) == (True, False)
    assert readings["redirectUris"] == ["https://odczyty.example.com/cb"]
    assert set(readings["defaultClientScopes"]) == {"basic", "ibok-customer.customer_numbers"}
    assert not billing["standardFlowEnabled"]
    assert billing["secret"] == kept.client_secret(applications[1])

    kept.path(applications[0], "client-secret").unlink()  # type: ignore[union-attr]
    assert [path.name for path in keep_secrets(server, applications, kept)] == ["app-odczyty.client-secret"]
    assert kept.client_secret(applications[0]) == readings["secret"]  # a lost file is written anew, the secret stays

    alone = with_applications(wanted, applications[1:], kept)
    server.apply(with_those_that_left(alone, server))
    clients = {client["clientId"]: client for client in server.clients()}
    assert (clients["app-odczyty"]["enabled"], clients["app-odczyty"]["redirectUris"]) == (False, [])
    assert server.diff(with_those_that_left(alone, server)) == []

    stranger = [each.model_copy(update={"client_id": "app-obca"}) for each in applications[:1]]
    server._admin.call("POST", "/clients", {"clientId": "app-obca", "redirectUris": ["https://obca.example.com/"]})
    with pytest.raises(ClientOfAnother, match="app-obca"):
        with_those_that_left(with_applications(wanted, stranger, kept), server)


def test_the_check_names_the_line_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "applications.toml"
    file.write_text(FILE.replace("https://odczyty.example.com/cb", "https://odczyty.example.com/*"))
    done = subprocess.run([CLI, "application", "check", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, "line 7: redirect_uris: has a wildcard" in done.stdout) == (1, True), done.stdout
    file.write_text(FILE)
    assert subprocess.run([CLI, "application", "check", str(file)], capture_output=True, check=False).returncode == 0


def invoices_token(world: World, username: str, password: str) -> dict[str, Any]:
    secret = (world.state / "applications" / "app-faktury.client-secret").read_text().strip()
    return code_flow(world, "app-faktury", secret, f"{world.stack['invoices']}/oidc/callback", username, password)


def test_a_token_of_a_joined_application_says_three_things_of_the_customer_and_nothing_else(world: World) -> None:
    customer = world.active()
    tokens = invoices_token(world, customer["login"], customer["own"])
    token, identity = claims_of(tokens["access_token"]), claims_of(tokens["id_token"])
    for claims in (token, identity):
        assert claims["customer_numbers"] == [customer["customer_number"]]
        assert (claims["ibok_login"], claims["locale"]) == (customer["login"], "pl")
    technical = "exp iat auth_time jti iss aud sub typ azp sid acr scope at_hash realm_access allowed-origins ibok_service_account"
    assert set(token) | set(identity) <= {*technical.split(), "customer_numbers", "ibok_login", "locale"}
    assert customer["pesel"] not in json.dumps([token, identity])
    assert not token.get("realm_access", {}).get("roles")
    assert world.call("GET", f"/accounts/{customer['login']}", tokens["access_token"]).status_code in (401, 403)


def test_one_login_opens_both_and_a_suspension_ends_both_within_a_second(world: World) -> None:
    customer = world.active()
    visitor = customer["visitor"]
    account = visitor.open(f"{world.webapp}/konto")
    assert world.stack["invoices"] in account.text
    invoices = visitor.open(f"{world.stack['invoices']}/")
    assert invoices.url == f"{world.stack['invoices']}/"
    assert customer["login"] in invoices.text

    assert world.deed(customer["login"], "suspend", reason="Podejrzenie nadużycia.").status_code == 200
    eventually(lambda: _at_the_login(world, visitor.open(f"{world.stack['invoices']}/")))


def _at_the_login(world: World, page: Any) -> bool:
    return bool(page.url.startswith(world.keycloak))


def test_a_logout_in_one_place_ends_all(world: World) -> None:
    customer = world.active()
    visitor = customer["visitor"]
    page = visitor.open(f"{world.stack['invoices']}/")
    bye = visitor.send(page, {})
    assert bye.url == f"{world.stack['invoices']}/bye"
    assert _at_the_login(world, visitor.open(f"{world.webapp}/konto"))
    assert "Faktury" in visitor.open(f"{world.webapp}/wylogowano").text


def test_a_forged_logout_token_ends_nothing(world: World) -> None:
    customer = world.active()
    visitor = customer["visitor"]
    visitor.open(f"{world.stack['invoices']}/")
    for token in ("", "x.y.z", "eyJhbGciOiJub25lIn0.e30."):
        answer = requests.post(f"{world.stack['invoices']}/oidc/backchannel-logout", data={"logout_token": token}, timeout=10)
        assert answer.status_code == 400
    assert customer["login"] in visitor.open(f"{world.stack['invoices']}/").text


# -- webhooks, at the example ---------------------------------------------------------------------------


def webhook(world: World, secret: str, identifier: str, at: datetime, event: dict[str, Any]) -> int:
    body = json.dumps(event)
    signature = StandardWebhook(secret).sign(identifier, at, body)
    headers = {"webhook-id": identifier, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    url = f"{world.stack['invoices']}/webhooks/ibok"
    return requests.post(url, data=body, headers=headers, timeout=10).status_code


def test_a_forged_a_replayed_and_a_late_webhook_change_nothing(world: World) -> None:
    customer = world.active()
    visitor = customer["visitor"]
    visitor.open(f"{world.stack['invoices']}/")
    secret = (world.state / "applications" / "app-faktury.webhook-secrets").read_text().strip()
    stranger = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    now = datetime.now(UTC)
    data = {"event_id": "x", "login": customer["login"], "number": 99, "state": "suspended", "customer_numbers": []}
    event = {"type": "account.suspended", "timestamp": now.isoformat(), "data": data}
    identifier = secrets.token_hex(8)
    assert webhook(world, stranger, identifier, now, event) == 400  # forged
    assert webhook(world, secret, identifier, now - timedelta(days=30), event) == 400  # replayed a month later
    assert webhook(world, secret, identifier, now + timedelta(minutes=10), event) == 400  # a clock that is wrong
    behind = {**event, "data": {**data, "number": 0}}
    assert webhook(world, secret, secrets.token_hex(8), now, behind) == 204  # out of order: behind what is known
    assert customer["login"] in visitor.open(f"{world.stack['invoices']}/").text
    assert invoices_sessions(world, customer["login"]) == 1
    assert webhook(world, secret, identifier, now, event) == 204
    assert invoices_sessions(world, customer["login"]) == 0


def invoices_sessions(world: World, login: str) -> int:
    with closing(sqlite3.connect(world.state / "invoices.sqlite", timeout=10)) as connection:
        return int(connection.execute("SELECT count(*) FROM sessions WHERE login = ?", (login,)).fetchone()[0])


def test_what_staff_do_reaches_the_receiver_through_the_worker(world: World) -> None:
    customer = world.active()
    assert world.deed(customer["login"], "suspend", reason="Podejrzenie nadużycia.").status_code == 200

    def known() -> list[Any]:
        with closing(sqlite3.connect(world.state / "invoices.sqlite", timeout=10)) as connection:
            return connection.execute("SELECT number, state FROM accounts WHERE login = ?", (customer["login"],)).fetchall()

    eventually(lambda: known() == [(3, "suspended")])
    delivered = world.sql("SELECT number FROM account_news JOIN webhook_deliveries USING (event_id) WHERE account_news.login = %s "
                          "AND webhook_deliveries.state = 'delivered' ORDER BY number", customer["login"])  # fmt: skip
    assert [number for (number,) in delivered] == [1, 2, 3]


def test_a_number_that_was_added_is_in_the_next_token(world: World) -> None:
    customer = world.active()
    with world.services().work() as work:
        account = work.accounts.locked(customer["login"])
        account.customer_numbers = [*account.customer_numbers, "40999999"]
        decided(work, account)
    eventually(lambda: "40999999" in (world.user(customer["login"]) or {})["attributes"]["ibok_customer_numbers"])
    tokens = invoices_token(world, customer["login"], customer["own"])
    assert claims_of(tokens["access_token"])["customer_numbers"] == [customer["customer_number"], "40999999"]
