"""The realm as code on a real server, and the least rights of the service accounts."""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from ibok_idp.directory import CustomerDirectory
from ibok_idp.realm.desired import load
from ibok_idp.realm.server import RealmServer
from tests.support.production_realm import under_another_name
from tests.support.world import World

CLI = str(Path(sys.executable).parent / "ibok-idp")


@pytest.fixture
def other_realm(world: World) -> Any:
    """A realm of another name from the same file, so that the product's own is left alone."""
    name = f"ibok-{secrets.token_hex(4)}"
    server = RealmServer(
        world.keycloak, world.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"], world.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"], name
    )
    yield server, under_another_name(wanted_realm(world), name), name
    requests.delete(f"{world.keycloak}/admin/realms/{name}", headers={"Authorization": f"Bearer {world.admin_token()}"}, timeout=60)


def wanted_realm(world: World) -> dict[str, Any]:
    values = {"IBOK_WEBAPP_URL": world.webapp, "IBOK_PROVISIONING_URL": world.provisioning, **world.secrets}
    return load(values, staff_second_factor=False)


def test_apply_makes_a_realm_and_again_changes_nothing(other_realm: Any) -> None:
    server, wanted, _ = other_realm
    assert [each.missing for each in server.apply(wanted)] == [True]
    assert server.apply(wanted) == []
    assert server.diff(wanted) == []


def test_r05_apply_mends_what_was_edited_in_the_console_and_leaves_strangers_alone(world: World, other_realm: Any) -> None:
    server, wanted, name = other_realm
    server.apply(wanted)

    def admin(verb: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {world.admin_token()}"}
        return requests.request(verb, f"{world.keycloak}/admin/realms/{name}{path}", headers=headers, timeout=60, **options)

    client = admin("GET", "/clients?clientId=ibok-portal").json()[0]
    admin("PUT", f"/clients/{client['id']}", json=client | {"redirectUris": ["*"], "directAccessGrantsEnabled": True})
    admin("PUT", "", json={"passwordPolicy": "length(4)", "registrationAllowed": True})
    admin("POST", "/roles", json={"name": "stranger", "description": "of another application"})
    admin("POST", "/users", json={"username": "stranger", "enabled": True, "requiredActions": ["UPDATE_PROFILE"]})
    admin("DELETE", "/roles/bok-manager")
    profile = admin("GET", "/users/profile").json()
    profile["attributes"] = [a for a in profile["attributes"] if a["name"] != "ibok_application"] + [
        {"name": "shoe_size", "permissions": {"view": ["admin"], "edit": ["admin"]}}
    ]
    admin("PUT", "/users/profile", json=profile)
    changed = {(each.section, each.name) for each in server.diff(wanted)}
    assert {("clients", "ibok-portal"), ("roles", "bok-manager"), ("userProfile", "attributes")} <= changed
    server.apply(wanted)
    assert server.diff(wanted) == []
    assert admin("GET", "/roles/stranger").status_code == 200
    assert admin("GET", "/users?username=stranger").json()[0]["requiredActions"] == ["UPDATE_PROFILE"]
    assert "shoe_size" in {a["name"] for a in admin("GET", "/users/profile").json()["attributes"]}


def test_apply_replaces_a_flow_of_other_steps_and_no_login_meets_half_of_one(world: World, other_realm: Any) -> None:
    """As on a server with the flows of an earlier version: the second factor of staff comes in, nothing of the old is left."""
    server, wanted, name = other_realm
    server.apply(wanted)
    values = {"IBOK_WEBAPP_URL": world.webapp, "IBOK_PROVISIONING_URL": world.provisioning, **world.secrets}
    stricter = under_another_name(load(values, staff_second_factor=True), name)
    changed = {(each.section, each.name) for each in server.diff(stricter)}
    assert {("flows", "ibok-staff-browser"), ("clients", "ibok-staff")} <= changed
    server.apply(stricter)
    assert server.diff(stricter) == []
    headers = {"Authorization": f"Bearer {world.admin_token()}"}
    base = f"{world.keycloak}/admin/realms/{name}"
    flows = {flow["alias"]: flow["id"] for flow in requests.get(f"{base}/authentication/flows", headers=headers, timeout=60).json()}
    assert not [alias for alias in flows if "replaced" in alias]
    (client,) = requests.get(f"{base}/clients?clientId=ibok-staff", headers=headers, timeout=60).json()
    assert client["authenticationFlowBindingOverrides"] == {"browser": flows["ibok-staff-browser"]}


def test_apply_brings_an_empty_realm_of_a_stock_server_to_the_desired_one(world: World, other_realm: Any) -> None:
    server, wanted, name = other_realm
    headers = {"Authorization": f"Bearer {world.admin_token()}"}
    assert (
        requests.post(
            f"{world.keycloak}/admin/realms", json={"realm": name, "enabled": True}, headers=headers, timeout=60
        ).status_code
        == 201
    )
    assert len(server.apply(wanted)) > 30
    assert server.diff(wanted) == []


def test_the_command_line_tells_differences_by_its_exit_code(world: World) -> None:
    environment = {
        "IBOK_APPLICATIONS_FILE": str(world.state / "applications.toml"),
        "IBOK_APPLICATIONS_SECRETS_DIR": str(world.state / "applications"),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "IBOK_KEYCLOAK_URL": world.keycloak,
        "IBOK_WEBAPP_URL": world.webapp,
        "IBOK_PROVISIONING_URL": world.provisioning,
        "IBOK_STAFF_SECOND_FACTOR": "false",
        **world.secrets,
    }

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([CLI, *arguments], env=environment | changes, capture_output=True, text=True, timeout=120)

    same = run("realm", "diff")
    assert same.returncode == 0, same.stdout + same.stderr
    other = run("realm", "diff", "--json", IBOK_WEBAPP_URL="http://localhost:1")
    assert other.returncode == 2
    assert "ibok-portal" in {each["name"] for each in json.loads(other.stdout)}
    assert world.secrets["IBOK_PORTAL_CLIENT_SECRET"] not in other.stdout
    assert run("doctor").returncode == 0
    wrong = run("realm", "diff", IBOK_KEYCLOAK_ADMIN_PASSWORD="wrong-one")
    assert wrong.returncode == 1
    assert "wrong-one" not in wrong.stdout + wrong.stderr
    gone = run("realm", "diff", IBOK_KEYCLOAK_URL="http://localhost:1")
    assert gone.returncode == 1


def test_r01_the_provisioning_account_manages_customers_and_nothing_else(world: World) -> None:
    token = world.service_token("ibok-provisioning")
    customer = world.registered()
    directory = CustomerDirectory(world.keycloak, "ibok-provisioning", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"])
    user = directory.find_by_login(customer["login"])
    assert user is not None
    assert directory.forbidden_calls() == dict.fromkeys(["clients", "roles", "realm settings", "flows"], 403)

    def call(verb: str, path: str, **options: Any) -> int:
        return world.admin(verb, path, token, **options).status_code

    registrar = world.admin("GET", "/users?username=registrar&exact=true").json()[0]
    client = world.admin("GET", "/clients?clientId=ibok-portal").json()[0]
    group = world.admin("POST", "/groups", json={"name": f"other-{secrets.token_hex(3)}"}).headers["Location"].rsplit("/", 1)[-1]
    role = world.admin("GET", "/roles/bok-registrar").json()
    assert call("GET", f"/users/{registrar['id']}") == 403
    assert call("PUT", f"/users/{registrar['id']}", json={"enabled": False}) == 403
    assert call("PUT", f"/users/{registrar['id']}/reset-password", json={"type": "password", "value": "Abcdef12"}) == 403
    assert call("DELETE", f"/users/{registrar['id']}") == 403
    assert call("POST", f"/users/{user.user_id}/role-mappings/realm", json=[role]) == 403
    assert call("POST", f"/users/{user.user_id}/impersonation") == 403
    assert call("PUT", f"/users/{user.user_id}/groups/{group}") == 403
    assert call("PUT", f"/groups/{group}", json={"name": "mine"}) == 403
    assert call("PUT", f"/clients/{client['id']}", json={"enabled": False}) == 403
    assert call("PUT", "", json={"enabled": False}) == 403
    assert call("POST", "/users", json={"username": f"x{secrets.token_hex(4)}", "enabled": True}) == 403
    assert {each["username"] for each in world.admin("GET", "/users?max=500", token).json()}.isdisjoint(
        {"registrar", "clerk", "manager", "auditor"}
    )
    world.admin("DELETE", f"/groups/{group}")


def test_r01_the_provisioning_account_links_nobody_to_a_foreign_identity(world: World) -> None:
    """With a link it could log in as any customer as soon as the realm has an identity provider; Keycloak itself allows it."""
    token = world.service_token("ibok-provisioning")
    user = world.user(world.registered()["login"])
    assert user is not None
    link = {"identityProvider": "elsewhere", "userId": "mine", "userName": "mine"}
    path = f"/users/{user['id']}/federated-identity"
    assert world.admin("POST", f"{path}/elsewhere", token, json=link).status_code == 403
    assert world.admin("GET", path).json() == []
    made = {"username": f"x{secrets.token_hex(4)}", "enabled": True, "groups": ["/customers"], "federatedIdentities": [link]}
    assert world.admin("POST", "/users", token, json=made).status_code == 403
    assert world.user(made["username"]) is None
    assert world.admin("PUT", f"/users/{user['id']}", token, json=user | {"federatedIdentities": [link]}).status_code in (204, 403)
    assert world.admin("GET", path).json() == []
    assert world.admin("POST", f"{path}/elsewhere", json=link).status_code == 204  # an administrator may
    assert world.admin("DELETE", f"{path}/elsewhere").status_code == 204


def test_r02_webapps_account_reaches_neither_the_admin_api_nor_the_database(world: World) -> None:
    import psycopg

    token = world.service_token()
    assert {world.admin("GET", path, token).status_code for path in ("", "/users", "/groups", "/clients", "/roles", "/events")} == {
        403
    }
    mine, other = world.secrets["IBOK_WEBAPP_DATABASE_URL"], "ibok_provisioning"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(mine.rsplit("/", 1)[0] + f"/{other}")


def test_r03_password_grants_foreign_redirects_and_logins_without_pkce_are_refused(world: World) -> None:
    data = {
        "grant_type": "password",
        "client_id": "ibok-portal",
        "client_secret": world.secrets["IBOK_PORTAL_CLIENT_SECRET"],
        "username": "clerk",
        "password": world.password("clerk"),
    }
    assert (
        requests.post(f"{world.issuer}/protocol/openid-connect/token", data=data, timeout=30).json()["error"]
        == "unauthorized_client"
    )
    auth = f"{world.issuer}/protocol/openid-connect/auth"
    base = {"client_id": "ibok-portal", "response_type": "code", "scope": "openid", "redirect_uri": f"{world.webapp}/oidc/callback"}
    foreign = requests.get(auth, params=base | {"redirect_uri": "https://evil.example/"}, timeout=30, allow_redirects=False)
    assert foreign.status_code == 400
    plain = requests.get(auth, params=base, timeout=30, allow_redirects=False)
    assert "code_challenge" in plain.headers.get("Location", "")
    assert "error=invalid_request" in plain.headers.get("Location", "")


def test_the_parameters_the_realm_publishes_are_those_keycloak_itself_uses(world: World) -> None:
    customer = world.active()
    directory = CustomerDirectory(world.keycloak, "ibok-provisioning", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"])
    user = directory.find_by_login(customer["login"])
    assert user is not None
    (own,) = directory.credential_parameters(user.user_id)  # hashed by Keycloak when the customer set it
    assert json.loads(own) == json.loads(directory.hashing_parameters().credential_data())
