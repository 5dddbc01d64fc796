"""The realm's customers: create, find, see where they stand. Everything here works with the least rights.

The service account `ibok-provisioning` manages members of `/customers` (fine-grained admin permissions v2) and
nothing else, so nothing here ever reads or writes outside that group.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from keycloak import KeycloakAdmin, KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from ibok_idp.errors import (
    CustomerNotFound,
    IdpError,
    KeycloakRefused,
    KeycloakRejected,
    KeycloakUnavailable,
    LoginBelongsToAnother,
)
from ibok_idp.password_hash import HashingParameters, hashed_credential

GROUP = "/customers"
UPDATE_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105  # the name of a required action


@dataclass(frozen=True)
class NewCustomer:
    """What Keycloak is told of a customer: never PESEL.

    Attributes:
        application: reference of the application; finds the user again after an unknown outcome.
    """

    login: str
    email: str
    first_name: str
    last_name: str
    language: str
    application: str
    customer_numbers: tuple[str, ...]


@dataclass(frozen=True)
class DirectoryUser:
    """One customer as Keycloak knows them."""

    user_id: str
    login: str
    email: str
    enabled: bool
    application: str | None
    must_change_password: bool


class CustomerDirectory:
    """Keycloak's Admin API, limited to the members of /customers.

    One instance may be shared by threads: each keeps a connection of its own.

    Args:
        url: base address of Keycloak.
        client_id, client_secret: the service account.
        timeout: seconds for one call.

    Raises (every method):
        KeycloakUnavailable: no answer in time, or 5xx: try again later.
        KeycloakRefused: a right is missing: IT must act.
        KeycloakRejected: the request itself is wrong.
    """

    def __init__(self, url: str, client_id: str, client_secret: str, realm: str = "ibok", timeout: int = 20) -> None:
        self._url, self._realm, self._timeout = url.rstrip("/"), realm, timeout
        self._client_id, self._client_secret = client_id, client_secret
        self._per_thread = threading.local()
        self._hashing: HashingParameters | None = None

    def create(self, customer: NewCustomer, temporary_password: str) -> DirectoryUser:
        """Make the user with ONE call: attributes, group, hashed temporary credential, UPDATE_PASSWORD (S4).

        A repeat is answered 409 and finds the user that the earlier try made, unchanged.

        Raises:
            LoginBelongsToAnother: the login exists for another application; nothing was changed.
            PolicyViolation: the temporary password breaks S6.
        """
        body = {
            "username": customer.login,
            "enabled": True,
            "email": customer.email,
            "emailVerified": True,
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "groups": [GROUP],
            "requiredActions": [UPDATE_PASSWORD],
            "attributes": {
                "ibok_application": [customer.application],
                "ibok_customer_numbers": list(customer.customer_numbers),
                "locale": [customer.language],
            },
            "credentials": [hashed_credential(temporary_password, self.hashing_parameters())],
        }
        try:
            location = self._call("POST", f"/admin/realms/{self._realm}/users", body).headers["Location"]
        except KeycloakRejected as error:
            if "409" not in str(error):
                raise
            again = self.find_by_login(customer.login)
            if again is None:  # a user outside /customers holds the login: we cannot even see it
                raise LoginBelongsToAnother(f"The login {customer.login} is taken in Keycloak outside {GROUP}.") from error
            return _own(again, customer)
        return DirectoryUser(location.rsplit("/", 1)[-1], customer.login, customer.email, True, customer.application, True)

    def find_by_login(self, login: str) -> DirectoryUser | None:
        """Exact login, compared without case (Keycloak keeps logins in lower case)."""
        path = f"/admin/realms/{self._realm}/users?exact=true&briefRepresentation=false&username={quote(login)}"
        users = self._call("GET", path).json()
        return _user(users[0]) if users else None

    def find_by_application(self, application: str) -> DirectoryUser | None:
        """The user made for one application."""
        path = f"/admin/realms/{self._realm}/users?briefRepresentation=false&q={quote(f'ibok_application:{application}')}"
        users = self._call("GET", path).json()
        return _user(users[0]) if users else None

    def get(self, user_id: str) -> DirectoryUser:
        """
        Raises:
            CustomerNotFound: no such member of /customers.
        """
        return _user(self._call("GET", f"/admin/realms/{self._realm}/users/{quote(user_id)}").json())

    def password_changes(self, first: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Newest UPDATE_PASSWORD / UPDATE_CREDENTIAL events: a hint where to look, never the proof."""
        path = f"/admin/realms/{self._realm}/events?type=UPDATE_PASSWORD&type=UPDATE_CREDENTIAL&first={first}&max={limit}"
        events: list[dict[str, Any]] = self._call("GET", path).json()
        return events

    def hashing_parameters(self) -> HashingParameters:
        """How the realm hashes passwords, read once from the group /customers."""
        if self._hashing is None:
            group = self._call("GET", f"/admin/realms/{self._realm}/group-by-path{GROUP}").json()
            published = group.get("attributes", {}).get("ibok_password_hashing")
            if not published:
                raise KeycloakRejected(f"The group {GROUP} lacks ibok_password_hashing: run `ibok-idp realm apply`.")
            self._hashing = HashingParameters.from_realm(published[0])
        return self._hashing

    def credential_parameters(self, user_id: str) -> list[str]:
        """`credentialData` of a member's passwords (no secret in it): what Keycloak itself really used."""
        found = self._call("GET", f"/admin/realms/{self._realm}/users/{quote(user_id)}/credentials").json()
        return [each["credentialData"] for each in found if each["type"] == "password"]

    def forbidden_calls(self) -> dict[str, int]:
        """Try what the service account must NOT be able to do; name to HTTP status (403 is right).

        Only reads and requests that change nothing even if they were let through.
        """
        base = f"/admin/realms/{self._realm}"
        answers = {}
        for name, path in {
            "clients": "/clients",
            "roles": "/roles",
            "realm settings": "/client-scopes",
            "flows": "/authentication/flows",
        }.items():
            try:
                answers[name] = self._call("GET", base + path).status_code
            except KeycloakRefused:
                answers[name] = 403
        return answers

    def _call(self, verb: str, path: str, body: Any = None) -> Any:
        try:
            connection = self._connection()
            answer = connection.raw_get(path) if verb == "GET" else connection.raw_post(path, data=json.dumps(body))
        except KeycloakConnectionError as error:
            self._per_thread.admin = None
            raise KeycloakUnavailable(f"Keycloak at {self._url} does not answer.") from error
        except KeycloakError as error:
            self._per_thread.admin = None
            raise _failed(error.response_code or 0, f"{verb} {path.split('?')[0]}") from error
        if answer.status_code >= 400:
            raise _failed(answer.status_code, f"{verb} {path.split('?')[0]}")
        return answer

    def _connection(self) -> KeycloakOpenIDConnection:
        admin = getattr(self._per_thread, "admin", None)
        if admin is None:
            admin = KeycloakAdmin(
                server_url=self._url,
                realm_name=self._realm,
                client_id=self._client_id,
                client_secret_key=self._client_secret,
                timeout=self._timeout,
                max_retries=0,
            )
            self._per_thread.admin = admin
        return admin.connection


def _own(user: DirectoryUser, customer: NewCustomer) -> DirectoryUser:
    if user.application != customer.application:
        raise LoginBelongsToAnother(
            f"The login {customer.login} belongs to application {user.application}, not to {customer.application}."
        )
    return user


def _user(found: dict[str, Any]) -> DirectoryUser:
    return DirectoryUser(
        user_id=found["id"],
        login=found["username"],
        email=found.get("email", ""),
        enabled=found.get("enabled", False),
        application=(found.get("attributes", {}).get("ibok_application") or [None])[0],
        must_change_password=UPDATE_PASSWORD in found.get("requiredActions", []),
    )


def _failed(status: int, what: str) -> IdpError:
    if status in (401, 403):
        return KeycloakRefused(f"Keycloak refuses {what} ({status}): run `ibok-idp doctor`.")
    if status == 404:
        return CustomerNotFound(f"Keycloak knows nothing at {what} (404).")
    if status >= 500 or status == 0:
        return KeycloakUnavailable(f"Keycloak answers {status or 'nothing'} to {what}.")
    return KeycloakRejected(f"Keycloak answers {status} to {what}.")
