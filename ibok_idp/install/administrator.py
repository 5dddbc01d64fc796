"""The temporary administrator of Keycloak's first start gives way to an own one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from ibok_idp.errors import KeycloakRefused, KeycloakRejected, KeycloakUnavailable


@dataclass(frozen=True)
class Login:
    username: str
    password: str


def replace_bootstrap_administrator(url: str, temporary: Login, wanted: Login) -> bool:
    """Make the wanted administrator of the master realm and delete the temporary one. Safe to run again.

    Returns:
        Whether anything was done.

    Raises:
        KeycloakUnavailable: no answer. KeycloakRefused: neither of the two is let in. KeycloakRejected: another refusal.
    """
    try:
        return _replace(url, temporary, wanted)
    except KeycloakConnectionError as error:
        raise KeycloakUnavailable(f"Keycloak does not answer at {url}.") from error
    except KeycloakError as error:
        if _not_let_in(error):
            raise KeycloakRefused("Keycloak lets in neither the temporary administrator nor the one of realm.env.") from error
        said = (error.response_body or b"").decode(errors="replace")
        raise KeycloakRejected(f"Keycloak refused it ({error.response_code}): {said}") from error


def _replace(url: str, temporary: Login, wanted: Login) -> bool:
    if not _let_in(url, wanted):
        first = _administrator(url, temporary)
        body = {
            "username": wanted.username,
            "enabled": True,
            # without a name and an address Keycloak asks for them at the first login, and lets no program in
            "firstName": "IT",
            "lastName": wanted.username,
            "email": f"{wanted.username}@{urlsplit(url).hostname}",
            "credentials": [{"type": "password", "value": wanted.password, "temporary": False}],
        }
        user = first.create_user(body, exist_ok=True)
        first.assign_realm_roles(user, [first.get_realm_role("admin")])
    own = _administrator(url, wanted)
    left = own.get_user_id(temporary.username)
    if left is None:
        return False
    own.delete_user(left)
    return True


def _let_in(url: str, login: Login) -> bool:
    try:
        _administrator(url, login).get_server_info()
    except KeycloakError as error:
        if _not_let_in(error):
            return False
        raise
    return True


def _not_let_in(error: KeycloakError) -> bool:
    """Keycloak answers 400 or 401 to a wrong password, by its version (RFC 6749, section 5.2: `invalid_grant` is 400)."""
    return error.response_code == 401 or (error.response_code == 400 and b"invalid_grant" in (error.response_body or b""))


def _administrator(url: str, login: Login) -> KeycloakAdmin:
    return KeycloakAdmin(server_url=url, username=login.username, password=login.password, realm_name="master", timeout=60)
