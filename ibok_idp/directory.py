"""The realm's customers: create, find, change, suspend, delete, set a temporary password. All with the least rights.

The service account `ibok-provisioning` manages members of `/customers` (fine-grained admin permissions v2) and
nothing else, so nothing here ever reads or writes outside that group.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from keycloak import KeycloakAdmin, KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from ibok_idp.customers import (
    GROUP,
    UPDATE_PASSWORD,
    DirectoryUser,
    Lockout,
    Made,
    MadeOutcome,
    NewCustomer,
    UserChange,
    user_of,
    user_wish,
)
from ibok_idp.errors import (
    CustomerNotFound,
    IdpError,
    KeycloakRefused,
    KeycloakRejected,
    KeycloakUnavailable,
    LoginBelongsToAnother,
)
from ibok_idp.password_hash import HashingParameters, hashed_credential

MOST_AT_ONCE = 100
# What the worker follows: logins, failures and passwords.
_FOLLOWED = (
    "LOGIN",
    "LOGIN_ERROR",
    "UPDATE_PASSWORD",
    "UPDATE_CREDENTIAL",
    "REMOVE_CREDENTIAL",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT",
)


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
        self._group_id: str | None = None
        self._own_id: str | None = None

    def create_many(self, customers: Sequence[tuple[NewCustomer, str]]) -> list[Made]:
        """Make users with ONE call to our provider: attributes, group, hashed temporary credential, UPDATE_PASSWORD (S4).

        A repeat finds the user that an earlier try made, unchanged. Each stands for itself: what is wrong with one is in its
        own answer and costs the others nothing.

        Args:
            customers: at most `MOST_AT_ONCE`, each with its temporary password.

        Returns:
            what became of each, in the same order.

        Raises:
            PolicyViolation: a temporary password breaks S6; nothing was made.
        """
        parameters = self.hashing_parameters()
        with ThreadPoolExecutor(min(len(customers), os.cpu_count() or 1)) as pool:  # argon2 releases the GIL
            hashed = list(pool.map(lambda each: hashed_credential(each[1], parameters), customers))
        body = [user_wish(customer, credential) for (customer, _), credential in zip(customers, hashed, strict=True)]
        return [Made(**each) for each in self._call("POST", f"/admin/realms/{self._realm}/ibok-customers", body).json()]

    def create(self, customer: NewCustomer, temporary_password: str) -> Made:
        """The same for one user.

        Raises:
            LoginBelongsToAnother: the login is another application's, or somebody's outside /customers; nothing was changed.
            KeycloakRejected: Keycloak does not take a part of it.
            PolicyViolation: the temporary password breaks S6.
        """
        (made,) = self.create_many([(customer, temporary_password)])
        if made.outcome is MadeOutcome.TAKEN:
            raise LoginBelongsToAnother(f"The login {customer.login} does not belong to application {customer.application}.")
        if made.user_id is None:
            raise KeycloakRejected(f"Keycloak does not make {customer.login}: {made.outcome}, {made.errors}.")
        return made

    def find_by_login(self, login: str) -> DirectoryUser | None:
        """Exact login, compared without case (Keycloak keeps logins in lower case)."""
        path = f"/admin/realms/{self._realm}/users?exact=true&briefRepresentation=false&username={quote(login)}"
        users = self._call("GET", path).json()
        return user_of(users[0]) if users else None

    def find_by_application(self, application: str) -> DirectoryUser | None:
        """The user made for one application."""
        path = f"/admin/realms/{self._realm}/users?briefRepresentation=false&q={quote(f'ibok_application:{application}')}"
        users = self._call("GET", path).json()
        return user_of(users[0]) if users else None

    def get(self, user_id: str) -> DirectoryUser:
        """
        Raises:
            CustomerNotFound: no such member of /customers.
        """
        return user_of(self._call("GET", f"/admin/realms/{self._realm}/users/{quote(user_id)}").json())

    def change(self, user_id: str, wanted: UserChange) -> DirectoryUser:
        """Bring e-mail, names, enabled, customer numbers and language to what is wanted; nothing else is touched.

        Raises:
            CustomerNotFound: no such member of /customers.
        """
        path = f"/admin/realms/{self._realm}/users/{quote(user_id)}"
        found = self._call("GET", path).json()
        attributes = dict(found.get("attributes", {}))
        if wanted.customer_numbers is not None:
            attributes["ibok_customer_numbers"] = list(wanted.customer_numbers)
        if wanted.language is not None:
            attributes["locale"] = [wanted.language]
        changed = found | {"attributes": attributes}
        if wanted.email is not None:
            changed |= {"email": wanted.email, "emailVerified": True}
        if wanted.first_name is not None:
            changed["firstName"] = wanted.first_name
        if wanted.last_name is not None:
            changed["lastName"] = wanted.last_name
        if wanted.enabled is not None:
            changed["enabled"] = wanted.enabled
        if changed != found:
            self._call("PUT", path, changed)
        return user_of(changed)

    def delete(self, user_id: str) -> None:
        """Delete the user; one that is gone already is fine."""
        try:
            self._call("DELETE", f"/admin/realms/{self._realm}/users/{quote(user_id)}")
        except CustomerNotFound:
            return

    def end_sessions(self, user_id: str) -> None:
        """End every session of the user; Keycloak tells each application by back-channel logout."""
        self._call("POST", f"/admin/realms/{self._realm}/users/{quote(user_id)}/logout", {})

    def set_temporary_password(self, user_id: str, password: str, expires_at: datetime) -> None:
        """Put a temporary password beside the user's own one; an earlier one dies (S7).

        It travels hashed, through the endpoint of our provider, which needs the right to reset this user's password.

        Raises:
            PolicyViolation: the temporary password breaks S6.
            CustomerNotFound: no such user, or the server lacks our provider.
        """
        credential = hashed_credential(password, self.hashing_parameters())
        body = {key: credential[key] for key in ("credentialData", "secretData")}
        body["expiresAt"] = int(expires_at.timestamp() * 1000)
        self._call("PUT", f"/admin/realms/{self._realm}/ibok-temporary-passwords/{quote(user_id)}", body)

    def void_temporary_password(self, user_id: str) -> None:
        """Make the temporary password beside the own one useless at once; without one nothing happens."""
        self._call("DELETE", f"/admin/realms/{self._realm}/ibok-temporary-passwords/{quote(user_id)}")

    def set_activation_password(self, user_id: str, password: str) -> bool:
        """Replace the password of a user that never logged in by a new temporary one; its life starts anew (S5).

        A user whose passwords were all taken away gets one again, whatever was set before.

        Returns:
            False, and nothing is changed, when the user has set an own password already.

        Raises:
            PolicyViolation: the temporary password breaks S6.
        """
        path = f"/admin/realms/{self._realm}/users/{quote(user_id)}"
        found = self._call("GET", path).json()
        actions = found.get("requiredActions", [])
        if UPDATE_PASSWORD not in actions:
            if self.credential_parameters(user_id):
                return False
            actions = [*actions, UPDATE_PASSWORD]
        credential = hashed_credential(password, self.hashing_parameters()) | {"createdDate": int(time.time() * 1000)}
        self._call("PUT", path, found | {"requiredActions": actions, "credentials": [credential]})
        return True

    def remove_passwords(self, user_id: str) -> None:
        """Take every password away, own and temporary: nothing that was mailed opens the account any more."""
        base = f"/admin/realms/{self._realm}/users/{quote(user_id)}/credentials"
        for credential in self._call("GET", base).json():
            self._call("DELETE", f"{base}/{credential['id']}")

    def lockout(self, user_id: str) -> Lockout:
        """Where brute-force protection stands for one user."""
        found = self._call("GET", f"/admin/realms/{self._realm}/attack-detection/brute-force/users/{quote(user_id)}").json()
        until = int(found.get("failedLoginNotBefore") or 0)  # seconds since the epoch
        locked = bool(found.get("disabled"))
        return Lockout(int(found.get("numFailures", 0)), locked, datetime.fromtimestamp(until, UTC) if locked and until else None)

    def members(self, first: int, limit: int) -> list[DirectoryUser]:
        """A page of the members of /customers, in a fixed order."""
        if self._group_id is None:
            self._group_id = str(self._call("GET", f"/admin/realms/{self._realm}/group-by-path{GROUP}").json()["id"])
        path = f"/admin/realms/{self._realm}/groups/{self._group_id}/members?briefRepresentation=false&first={first}&max={limit}"
        return [user_of(each) for each in self._call("GET", path).json()]

    def user_events(self, since: datetime, first: int, limit: int) -> list[dict[str, Any]]:
        """A page of login and password events since a moment, newest first."""
        return self._events("events", since, first, limit, "&".join(f"type={kind}" for kind in _FOLLOWED))

    def admin_events(self, since: datetime, first: int, limit: int) -> list[dict[str, Any]]:
        """A page of what administrators did to users since a moment, newest first."""
        return self._events("admin-events", since, first, limit, "resourceTypes=USER&resourceTypes=GROUP_MEMBERSHIP")

    def own_user_id(self) -> str:
        """The id of the service account itself, to tell its own changes from those of people."""
        if self._own_id is None:
            self._own_id = str(self._own_claims()["sub"])
        return self._own_id

    def clock(self) -> datetime:
        """What time it is for Keycloak, in whole seconds: when it says that a fresh token was issued.

        Not the `Date` of its answer, which a proxy may have written.
        """
        self._per_thread.admin = None  # a token of this moment
        return datetime.fromtimestamp(self._own_claims()["iat"], UTC)

    def _own_claims(self) -> dict[str, Any]:
        self._call("GET", f"/admin/realms/{self._realm}/users/count")  # a call, so that there is a token
        payload = (self._connection().token or {})["access_token"].split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _events(self, kind: str, since: datetime, first: int, limit: int, more: str) -> list[dict[str, Any]]:
        moment = int(since.timestamp() * 1000)
        path = f"/admin/realms/{self._realm}/{kind}?dateFrom={moment}&first={first}&max={limit}&{more}"
        events: list[dict[str, Any]] = self._call("GET", path).json()
        return events

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
            match verb:
                case "GET":
                    answer = connection.raw_get(path)
                case "POST":
                    answer = connection.raw_post(path, data=json.dumps(body))
                case "PUT":
                    answer = connection.raw_put(path, data=json.dumps(body))
                case _:
                    answer = connection.raw_delete(path)
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


def _failed(status: int, what: str) -> IdpError:
    if status in (401, 403):
        return KeycloakRefused(f"Keycloak refuses {what} ({status}): run `ibok-idp doctor`.")
    if status == 404:
        return CustomerNotFound(f"Keycloak knows nothing at {what} (404).")
    if status >= 500 or status == 0:
        return KeycloakUnavailable(f"Keycloak answers {status or 'nothing'} to {what}.")
    return KeycloakRejected(f"Keycloak answers {status} to {what}.")
