"""`ibok-idp replace-bootstrap-admin` on a real Keycloak."""

from __future__ import annotations

import secrets

import pytest

from ibok_idp.errors import KeycloakRefused
from ibok_idp.install.administrator import Login, replace_bootstrap_administrator
from ibok_idp.realm.server import RealmServer
from tests.support.world import World


def test_the_temporary_administrator_gives_way_to_an_own_one_and_again_nothing_happens(world: World) -> None:
    url = world.keycloak
    first = Login(world.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"], world.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"])
    temporary, wanted = (Login(f"it-{secrets.token_hex(4)}", secrets.token_hex(16)) for _ in range(2))
    assert not replace_bootstrap_administrator(url, Login("nobody-of-this-name", "x"), first)  # nothing to delete
    assert replace_bootstrap_administrator(url, Login(*_made(world, temporary)), wanted)
    assert RealmServer(url, wanted.username, wanted.password).version()
    assert not replace_bootstrap_administrator(url, temporary, wanted)
    with pytest.raises(KeycloakRefused):
        replace_bootstrap_administrator(url, temporary, Login("nobody-either", "x"))
    _delete(world, wanted.username)


def _made(world: World, login: Login) -> tuple[str, str]:
    """Such an administrator as Keycloak's first start makes."""
    body = {"username": login.username, "enabled": True, "credentials": [{"type": "password", "value": login.password}]}
    master = _master(world)
    user = master.create_user(body | {"firstName": "a", "lastName": "b", "email": f"{login.username}@example.com"})
    master.assign_realm_roles(user, [master.get_realm_role("admin")])
    return login.username, login.password


def _delete(world: World, username: str) -> None:
    master = _master(world)
    master.delete_user(master.get_user_id(username))


def _master(world: World):  # type: ignore[no-untyped-def]
    from keycloak import KeycloakAdmin

    names = ("IBOK_KEYCLOAK_ADMIN_USERNAME", "IBOK_KEYCLOAK_ADMIN_PASSWORD")
    username, password = (world.secrets[name] for name in names)
    return KeycloakAdmin(server_url=world.keycloak, username=username, password=password, realm_name="master", timeout=60)
