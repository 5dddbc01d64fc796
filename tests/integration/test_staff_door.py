"""S09, S11, O03: the door of the staff in the realm as production has it, tried as a person tries it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import requests

from deploy.visitor import Page, Visitor
from ibok_idp.second_factor import OneTimeCode
from tests.support.page_check import check_page
from tests.support.production_realm import PASSWORD, ProductionRealm, asked_for, log_in, parameter, production_realm
from tests.support.world import World

CLI = str(Path(sys.executable).parent / "ibok-idp")
STAFF_ROLES = ("bok-clerk", "bok-registrar", "bok-manager", "bok-auditor")


@pytest.fixture(scope="module")
def realm(world: World) -> Iterator[ProductionRealm]:
    with production_realm(world) as found:
        yield found


def own_client(realm: ProductionRealm, **changes: Any) -> dict[str, Any]:
    """A confidential client that IT added by itself, with the audience of the API and the staff roles in its tokens."""
    body = {
        "clientId": f"it-{time.monotonic_ns()}",
        "secret": "it-secret",
        "redirectUris": ["http://localhost/it"],
        "directAccessGrantsEnabled": True,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,
        "defaultClientScopes": ["basic", "profile", "roles", "ibok-provisioning-audience"],
        **changes,
    }
    assert realm.admin("POST", "/clients", json=body).status_code == 201
    found: dict[str, Any] = realm.admin("GET", f"/clients?clientId={body['clientId']}").json()[0]
    return found


def token_of(realm: ProductionRealm, **data: str) -> requests.Response:
    return requests.post(f"{realm.issuer}/protocol/openid-connect/token", data=data, timeout=30)


def api(realm: ProductionRealm, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{realm.staff_ui}/api/v1/staff/applications?limit=1", headers=headers, timeout=30)


def test_the_realm_is_as_its_file_says_and_applying_again_changes_nothing(realm: ProductionRealm) -> None:
    assert realm.server.diff(realm.wanted) == []
    assert realm.server.apply(realm.wanted) == []


@pytest.mark.parametrize("role", STAFF_ROLES)
def test_s09_with_password_and_code_staff_get_in(world: World, realm: ProductionRealm, role: str) -> None:
    person = realm.person(role, factor=True)
    visitor = Visitor()
    page = visitor.send(visitor.open(f"{realm.staff_ui}/"), {"username": person.username, "password": PASSWORD})
    assert asked_for(page) == "code"
    page = visitor.send(page, {"otp": "000000"})
    assert asked_for(page) == "code"
    page = log_in(visitor, f"{realm.staff_ui}/", person)
    assert (page.status, page.url.split("?")[0]) == (200, f"{realm.staff_ui}/"), page.heading


def test_s11_whatever_client_staff_try_first_no_session_is_left_and_the_code_is_asked(world: World, realm: ProductionRealm) -> None:
    doors = realm.doors_but_staff()
    assert {"ibok-portal", "account-console", "security-admin-console"} <= doors.keys()
    for client, door in doors.items():
        person = realm.person("bok-registrar", factor=True)
        visitor = Visitor()
        page = log_in(visitor, door, person)
        assert (page.status, "konto pracownika" in page.text) == (401, True), client
        assert realm.sessions(person) == [], client
        page = log_in(visitor, f"{realm.staff_ui}/", person.__class__(person.user_id, person.username))
        assert asked_for(page) == "code", client
        assert realm.sessions(person) == [], client


def test_s11_the_password_alone_enrols_no_code_at_any_client(world: World, realm: ProductionRealm) -> None:
    doors = realm.doors_but_staff()
    for client, door in [*doors.items(), ("ibok-staff", f"{realm.staff_ui}/")]:
        for action in ("", "&kc_action=CONFIGURE_TOTP"):
            if action and client == "ibok-staff":
                door = realm.door("ibok-staff", f"{realm.staff_ui}/oidc/callback")
            person = realm.person("bok-registrar", requiredActions=["CONFIGURE_TOTP"] if action else [])
            page = log_in(Visitor(), door + action, person)
            assert (page.status, asked_for(page)) == (401, "nothing"), client
            assert ("dział IT" in page.text) == (client == "ibok-staff"), client
            assert realm.sessions(person) == [] == realm.factors(person), client


def test_s11_an_open_staff_session_opens_no_other_client(world: World, realm: ProductionRealm) -> None:
    person = realm.person("bok-registrar", factor=True)
    visitor = Visitor()
    assert log_in(visitor, f"{realm.staff_ui}/", person).status == 200
    for client, door in realm.doors_but_staff().items():
        page = visitor.open(door)
        assert (page.status, "konto pracownika" in page.text) == (401, True), client
    assert visitor.open(f"{realm.staff_ui}/").status == 200


def test_s11_a_customer_is_refused_at_the_staff_ui_with_and_without_an_open_session(world: World, realm: ProductionRealm) -> None:
    customer = realm.person(group="/customers")
    page = log_in(Visitor(), f"{realm.staff_ui}/", customer)
    assert (page.status, "panelu pracownika" in page.text) == (401, True)
    assert realm.sessions(customer) == []
    visitor = Visitor()
    log_in(visitor, realm.doors_but_staff()["account-console"], customer)
    assert len(realm.sessions(customer)) == 1  # customers may look at Keycloak's own account pages
    page = log_in(visitor, f"{realm.staff_ui}/", customer)
    assert (page.status, "panelu pracownika" in page.text) == (401, True)


def without(url: str, *names: str) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in names]
    return urlunsplit(parts._replace(query=urlencode(query)))


def test_s09_the_level_is_demanded_by_the_client_and_cannot_be_taken_out_of_the_request(
    world: World, realm: ProductionRealm
) -> None:
    asked = requests.get(f"{realm.staff_ui}/logowanie", allow_redirects=False, timeout=30).headers["Location"]
    assert json.loads(parameter(asked, "claims")) == {"id_token": {"acr": {"essential": True, "values": ["2"]}}}
    person = realm.person("bok-registrar", factor=True)
    page = log_in(Visitor(), without(asked, "claims"), person.__class__(person.user_id, person.username))
    assert asked_for(page) == "code"
    lower = without(asked, "claims") + "&acr_values=1"
    page = log_in(Visitor(), lower, person.__class__(person.user_id, person.username))
    assert asked_for(page) == "code"


def test_s09_a_lower_level_is_refused_by_the_staff_ui_and_by_the_api(world: World, realm: ProductionRealm) -> None:
    """Somebody in the console took the demand off the client and the code out of the flow: our own checks hold."""
    client = realm.admin("GET", "/clients?clientId=ibok-staff").json()[0]
    weakened = {**client["attributes"], "minimum.acr.value": ""}
    overrides = {"browser": ""}
    assert realm.admin(
        "PUT", f"/clients/{client['id']}", json=client | {"attributes": weakened, "authenticationFlowBindingOverrides": overrides}
    ).ok
    flows = {flow["alias"]: flow["id"] for flow in realm.admin("GET", "/authentication/flows").json()}
    assert realm.admin("PUT", "", json={"browserFlow": "browser"}).ok
    assert "browser" in flows
    try:
        person = realm.person("bok-registrar")
        visitor = Visitor()
        asked = requests.get(f"{realm.staff_ui}/logowanie", allow_redirects=False, timeout=30)
        visitor.session.cookies.update(asked.cookies)
        page = log_in(visitor, without(asked.headers["Location"], "claims"), person)
        assert (page.status, page.heading) == (400, "Zaloguj się jeszcze raz")
        assert visitor.open(f"{realm.staff_ui}/").url.startswith(world.keycloak)
        it = own_client(realm)
        answer = code_for(world, realm, it, person)
        refused = api(realm, answer["access_token"])
        assert (refused.status_code, refused.json()["code"]) == (401, "insufficient_user_authentication")
        assert 'acr_values="2"' in refused.headers["WWW-Authenticate"]
    finally:
        realm.server.apply(realm.wanted)


def code_for(world: World, realm: ProductionRealm, client: dict[str, Any], person: Any) -> dict[str, Any]:
    visitor = Visitor()
    door = without(realm.door(client["clientId"], "http://localhost/it"), "code_challenge", "code_challenge_method")
    page = visitor.open(door)
    form = page.form("")
    answer = visitor.session.post(
        form.get("action") or "", data={"username": person.username, "password": PASSWORD}, allow_redirects=False, timeout=30
    )
    code = parameter(answer.headers["Location"], "code")
    found: dict[str, Any] = token_of(
        realm, grant_type="authorization_code", code=code, redirect_uri="http://localhost/it", client_id=client["clientId"], client_secret="it-secret"
    ).json()  # fmt: skip
    return found


def test_o03_a_service_account_with_a_staff_role_passes_without_a_level(realm: ProductionRealm) -> None:
    it = own_client(realm)
    user = realm.admin("GET", f"/clients/{it['id']}/service-account-user").json()
    role = realm.admin("GET", "/roles/bok-auditor").json()
    assert realm.admin("POST", f"/users/{user['id']}/role-mappings/realm", json=[role]).status_code == 204
    answer = token_of(realm, grant_type="client_credentials", client_id=it["clientId"], client_secret="it-secret")
    assert api(realm, answer.json()["access_token"]).status_code == 200


def test_o08_a_password_in_a_token_request_is_refused_at_every_client_there_is(realm: ProductionRealm) -> None:
    """Right passwords and right secrets; also at a client of IT's own that has the grant switched on."""
    people = [realm.person("bok-registrar", factor=True), realm.person(group="/customers")]
    own_client(realm)
    clients = realm.admin("GET", "/clients").json()
    assert {"admin-cli", "account", "broker", "ibok-portal", "ibok-staff"} <= {each["clientId"] for each in clients}
    for client in clients:
        secret = realm.admin("GET", f"/clients/{client['id']}/client-secret").json().get("value", "")
        for person in people:
            data = {"client_id": client["clientId"], "username": person.username, "password": PASSWORD, "scope": "openid"}
            data |= {"client_secret": secret} if secret and not client["publicClient"] else {}
            right = token_of(realm, grant_type="password", **data)
            wrong = token_of(realm, grant_type="password", **data | {"password": "wrong"})
            assert right.status_code in (400, 401, 403), client["clientId"]
            assert "access_token" not in right.text, client["clientId"]
            assert (right.status_code, said(right)) == (wrong.status_code, said(wrong)), client["clientId"]  # no oracle either


def said(answer: requests.Response) -> Any:
    """What an answer says, be it JSON or a page, whose hidden numbers differ each time."""
    if not answer.headers["Content-Type"].startswith("text/html"):
        return answer.json()
    main = Page(answer).tree.find(".//main")
    assert main is not None
    return " ".join("".join(main.itertext()).split())


def test_r03_no_client_of_the_realm_has_a_grant_or_redirect_that_must_be_off(realm: ProductionRealm) -> None:
    for client in realm.admin("GET", "/clients").json():
        if client["clientId"].startswith("it-"):
            continue
        assert not client["implicitFlowEnabled"], client["clientId"]
        assert not client["directAccessGrantsEnabled"], client["clientId"]


def test_o08_diff_watches_the_grant_of_the_built_in_clients(realm: ProductionRealm) -> None:
    client = realm.admin("GET", "/clients?clientId=admin-cli").json()[0]
    assert realm.admin("PUT", f"/clients/{client['id']}", json=client | {"directAccessGrantsEnabled": True}).ok
    assert realm.admin("PUT", "", json={"directGrantFlow": "direct grant"}).ok
    found = {(each.section, each.name, each.key) for each in realm.server.diff(realm.wanted)}
    assert {("builtInClients", "admin-cli", "directAccessGrantsEnabled")} <= found
    assert any(key == "directGrantFlow" for _, _, key in found)
    realm.server.apply(realm.wanted)
    assert realm.server.diff(realm.wanted) == []


def test_s09_it_sets_up_the_code_with_the_phone_beside_and_nothing_else_does(world: World, realm: ProductionRealm) -> None:
    person = realm.person("bok-clerk")
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "IBOK_KEYCLOAK_URL": world.keycloak,
        "IBOK_REALM": realm.name,
        **world.secrets,
    }

    def run(*arguments: str, answers: Any = None) -> tuple[int, str]:
        process = subprocess.Popen(
            [CLI, "staff-factor", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        shown = ""
        if answers is not None:
            while "or type: " not in shown:
                shown += process.stdout.readline()
            for answer in answers(shown.split("or type: ")[1].split()[0]):
                process.stdin.write(answer + "\n")
                process.stdin.flush()
        rest, _ = process.communicate(timeout=60)
        return process.returncode, shown + rest

    code, words = run(person.username, answers=lambda _secret: ["000000", "1", "abcdef"])
    assert (code, realm.factors(person)) == (1, []), words
    kept: list[str] = []

    def right(secret: str) -> list[str]:
        kept.append(secret)
        return [code_of(secret)]

    code, words = run(person.username, answers=right)
    assert (code, len(realm.factors(person))) == (0, 1), words
    visitor = Visitor()
    page = visitor.send(visitor.open(f"{realm.staff_ui}/"), {"username": person.username, "password": PASSWORD})
    assert visitor.send(page, {"otp": code_of(kept[0])}).status == 200
    code, words = run(person.username)
    assert (code, "--replace" in words) == (1, True)
    old = realm.factors(person)
    code, words = run(person.username, "--replace", answers=right)
    assert code == 0, words
    assert len(realm.factors(person)) == 1
    assert realm.factors(person) != old
    assert realm.sessions(person) == []  # the lost phone's session too
    customer = realm.person(group="/customers")
    code, words = run(customer.username)
    assert (code, "no staff role" in words) == (1, True)


def code_of(secret: str) -> str:
    import base64

    return OneTimeCode(base64.b32decode(secret)).at(time.time())


def test_s09_of_several_devices_the_one_that_gave_the_code_is_chosen(world: World, realm: ProductionRealm) -> None:
    """Without a script: the page is our own, for Keycloak's needs one."""
    phone, tablet = OneTimeCode.new(), OneTimeCode.new()
    password = {"type": "password", "value": PASSWORD, "temporary": False}
    person = realm.person("bok-clerk", credentials=[password, phone.credential("telefon"), tablet.credential("tablet")])
    for device, label in ((tablet, "tablet"), (phone, "telefon")):
        visitor = Visitor()
        page = visitor.send(visitor.open(f"{realm.staff_ui}/"), {"username": person.username, "password": PASSWORD})
        assert asked_for(page) == "code"
        check_page(page.text, {}, label, ours=False)
        choices = {" ".join("".join(each.itertext()).split()): each for each in page.tree.iter("label")}
        chosen = next(each.get("value") or "" for each in choices[label].iter("input"))
        page = visitor.send(page, {"otp": device.at(time.time()), "selectedCredentialId": chosen})
        assert (page.status, page.url.split("?")[0]) == (200, f"{realm.staff_ui}/"), page.heading


def test_o07_a_role_taken_away_counts_at_the_next_deed_and_a_disabled_user_is_out(world: World, realm: ProductionRealm) -> None:
    filed = world.filed()
    person = realm.person("bok-registrar", factor=True)
    visitor = Visitor()
    page = log_in(visitor, f"{realm.staff_ui}/wniosek/{filed['reference']}", person)
    assert page.status == 200
    role = realm.admin("GET", "/roles/bok-registrar").json()
    clerk = realm.admin("GET", "/roles/bok-clerk").json()
    assert realm.admin("POST", f"/users/{person.user_id}/role-mappings/realm", json=[clerk]).status_code == 204
    assert realm.admin("DELETE", f"/users/{person.user_id}/role-mappings/realm", json=[role]).status_code == 204
    refused = visitor.send(page, {}, action_ends="/approve")
    assert (refused.status, refused.heading) == (403, "Brak uprawnień")
    assert world.call("GET", f"/staff/applications/{filed['reference']}", world.staff_token("auditor")).json()["status"] == "filed"
    page = visitor.open(f"{realm.staff_ui}/wniosek/{filed['reference']}")
    assert "/approve" not in page.text  # the page follows the newest token too
    user = realm.admin("GET", f"/users/{person.user_id}").json()
    assert realm.admin("PUT", f"/users/{person.user_id}", json=user | {"enabled": False}).status_code == 204
    page = visitor.send(page, {}, action_ends="/review")
    assert page.url.startswith(world.keycloak), page.heading
    assert visitor.open(f"{realm.staff_ui}/").url.startswith(world.keycloak)
