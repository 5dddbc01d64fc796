"""The Admin REST API of one realm: one call, and its failures as errors of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from ibok_idp.errors import KeycloakRefused, KeycloakRejected, KeycloakUnavailable
from ibok_idp.realm.desired import Tree


class RealmAdmin:
    """One realm on one server, reached as an administrator of the master realm.

    Raises (every method):
        KeycloakUnavailable: no answer or 5xx. KeycloakRefused: 401 or 403. KeycloakRejected: another 4xx.
    """

    def __init__(self, url: str, username: str, password: str, realm: str) -> None:
        self.realm = realm
        self._url = url.rstrip("/")
        self._admin = KeycloakAdmin(
            server_url=self._url, username=username, password=password, realm_name="master", verify=True, timeout=60
        )

    def client(self, client_id: str) -> Tree | None:
        found = self.call("GET", f"/clients?clientId={quote(client_id)}")
        return found[0] if found else None

    def existing_client(self, client_id: str) -> Tree:
        """A client that was written before, or that Keycloak makes itself."""
        found = self.client(client_id)
        if found is None:
            raise KeycloakRejected(f"The realm {self.realm} has no client {client_id}, which `ibok-idp realm apply` makes first.")
        return found

    def clients(self) -> dict[str, Tree]:
        """Every client by its client id."""
        return {client["clientId"]: client for client in self.call("GET", "/clients")}

    def flow_aliases(self) -> dict[str, str]:
        """Aliases of the flows by their id."""
        return {flow["id"]: flow["alias"] for flow in self.call("GET", "/authentication/flows")}

    def call(self, verb: str, path: str, body: Any = None, *, absolute: bool = False, missing_is_none: bool = False) -> Any:
        url = path if absolute else f"/admin/realms/{self.realm}{path}"
        connection = self._admin.connection
        try:
            if verb == "GET":
                answer = connection.raw_get(url)
            else:
                send = {"POST": connection.raw_post, "PUT": connection.raw_put, "DELETE": connection.raw_delete}[verb]
                text = isinstance(body, str)
                connection.headers = {**(connection.headers or {}), "Content-Type": "text/plain" if text else "application/json"}
                data = body.encode() if text else (None if body is None else json.dumps(body))
                answer = send(url, data=data) if data is not None or verb != "DELETE" else send(url)
        except KeycloakConnectionError as error:
            raise KeycloakUnavailable(f"Keycloak at {self._url} does not answer: {error}") from error
        except KeycloakError as error:
            raise _translated(error, f"{verb} {url}") from error
        if answer.status_code == 404 and missing_is_none:
            return None
        if answer.status_code >= 400:
            raise _failed(answer.status_code, f"{verb} {url}", answer.text)
        return answer.json() if answer.content and "json" in answer.headers.get("Content-Type", "") else None


def _translated(error: KeycloakError, what: str) -> Exception:
    return _failed(error.response_code or 0, what, str(error))


def _failed(status: int, what: str, text: str) -> Exception:
    if status in (401, 403):
        return KeycloakRefused(f"Keycloak refuses {what} ({status}): check IBOK_KEYCLOAK_ADMIN_USERNAME and its rights.")
    if status >= 500 or status == 0:
        return KeycloakUnavailable(f"Keycloak answers {status} to {what}: {text[:300]}")
    return KeycloakRejected(f"Keycloak answers {status} to {what}: {text[:300]}")
