"""The realm on a server: what differs from the file, carrying it out, and the few things done to single users."""

from __future__ import annotations

from urllib.parse import quote

from ibok_idp.errors import NotStaff, ProviderMissing, RealmDrift
from ibok_idp.keycloak_provider.build import provider_version
from ibok_idp.password_policy import DENY_LIST_POLICY
from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.compare import Difference, differences
from ibok_idp.realm.desired import AUTHENTICATOR, BROWSER_FLOW, Tree, comparable
from ibok_idp.realm.kinds import Kind, Named
from ibok_idp.realm.kinds.client_scopes import ClientScopes
from ibok_idp.realm.kinds.clients import BuiltInClients, Clients, ScopeMappings, ServiceAccounts
from ibok_idp.realm.kinds.flows import Flows
from ibok_idp.realm.kinds.groups import Groups
from ibok_idp.realm.kinds.permissions import Permissions
from ibok_idp.realm.kinds.roles import DefaultRole, Roles, reconcile_roles
from ibok_idp.realm.kinds.settings import Localization, RealmSettings, RequiredActions, UserProfile
from ibok_idp.tokens import STAFF_MARK


class RealmServer:
    """One realm on one server, reached as an administrator of the master realm.

    Raises (every method):
        KeycloakUnavailable: no answer or 5xx. KeycloakRefused: 401 or 403. KeycloakRejected: another 4xx.
    """

    def __init__(self, url: str, username: str, password: str, realm: str = "ibok") -> None:
        self.realm = realm
        self._admin = admin = RealmAdmin(url, username, password, realm)
        self._settings, self._user_profile, self._flows = RealmSettings(admin), UserProfile(admin), Flows(admin)
        first: list[Named] = [Localization(admin), RequiredActions(admin)]
        then: list[Named] = [
            Roles(admin),
            DefaultRole(admin),
            ClientScopes(admin),
            self._flows,
            Clients(admin),
            BuiltInClients(admin),
            Groups(admin),
            ScopeMappings(admin),
            ServiceAccounts(admin),
            Permissions(admin),
        ]
        self._before_profile, self._after_profile = first, then
        self._kinds: list[Kind] = [self._settings, *first, self._user_profile, *then]

    # -- reading ---------------------------------------------------------------------------------

    def exists(self) -> bool:
        return self._admin.call("GET", "", missing_is_none=True) is not None

    def version(self) -> str:
        return str(self._admin.call("GET", "/admin/serverinfo", absolute=True)["systemInfo"]["version"])

    def has_login_theme(self, name: str) -> bool:
        """Whether the server knows a login theme."""
        themes = self._admin.call("GET", "/admin/serverinfo", absolute=True)["themes"]["login"]
        return name in {theme["name"] for theme in themes}

    def provider_version(self) -> str | None:
        """The version of our provider in the server, None without one."""
        return self._told("authenticator", AUTHENTICATOR, "version")

    def common_passwords(self) -> int:
        """How many passwords the deny-list of the server's provider holds (S6); 0 when it has none."""
        return int(self._told("password-policy", DENY_LIST_POLICY, "listed") or 0)

    def _told(self, kind: str, provider: str, name: str) -> str | None:
        kinds = self._admin.call("GET", "/admin/serverinfo", absolute=True)["providers"]
        value = kinds.get(kind, {}).get("providers", {}).get(provider, {}).get("operationalInfo", {}).get(name)
        return str(value) if value else None

    def require_provider(self) -> None:
        """
        Raises:
            ProviderMissing: the server lacks our provider, or has another version than this installation, or one without
                the list of common passwords, with which nobody could set a password.
        """
        found, ours = self.provider_version(), provider_version()
        if found != ours:
            raise ProviderMissing(
                f"The server has {f'version {found} of' if found else 'no'} iBOK provider; this installation needs {ours}. Put the files of "
                "`ibok-idp provider build` into the server (docs/how-to/install.md), run `kc.sh build`, start it again, then repeat."
            )
        if not self.common_passwords():
            raise ProviderMissing(
                "The server's iBOK provider has no list of common passwords, so nobody could set a password (S6): its jar is damaged. "
                "Make it again with `ibok-idp provider build`, run `kc.sh build`, start the server again, then repeat."
            )

    def clients(self) -> list[Tree]:
        """Every client of the realm; none when there is no realm yet."""
        found: list[Tree] = self._admin.call("GET", "/clients", missing_is_none=True) or []
        return found

    def client_secret(self, client_id: str) -> str:
        """The secret that Keycloak holds of a client, made now when it holds none."""
        path = f"/clients/{self._admin.existing_client(client_id)['id']}/client-secret"
        return str(self._admin.call("GET", path).get("value") or self._admin.call("POST", path)["value"])

    def read(self, desired: Tree) -> Tree:
        """The server's realm in the shape of `comparable`, limited to what the desired realm names."""
        return {kind.section: kind.read(desired[kind.section]) for kind in self._kinds}

    def diff(self, wanted: Tree) -> list[Difference]:
        """What differs; everything, when the realm does not exist."""
        desired = comparable(wanted)
        if not self.exists():
            return [Difference("realm", self.realm, "", None, None)]
        return differences(desired, self.read(desired))

    # -- carrying out ----------------------------------------------------------------------------

    def apply(self, wanted: Tree) -> list[Difference]:
        """Make the server's realm hold what keycloak-realm.json says, and touch nothing else.

        Idempotent; users are never touched, service accounts excepted.

        Returns:
            the differences that were carried out.

        Raises:
            ProviderMissing: our login flow would be bound on a server without our provider; nothing was changed.
            RealmDrift: something still differs afterwards.
        """
        if wanted.get("browserFlow") == BROWSER_FLOW:
            self.require_provider()
        if not self.exists():
            self._admin.call("POST", "/admin/realms", wanted, absolute=True)
            self.apply(wanted)
            return [Difference("realm", self.realm, "", None, None)]
        desired = comparable(wanted)
        found = left = differences(desired, self.read(desired))
        for _ in range(2):  # making a client lets Keycloak add its default scopes, which only then can be taken off
            if left:
                self._carry_out(desired, left)
                left = differences(desired, self.read(desired))
        self._flows.delete_replaced()
        if left:
            raise RealmDrift(
                "These differences could not be carried out; mend them in the console:\n  " + "\n  ".join(map(str, left))
            )
        return found

    def _carry_out(self, desired: Tree, left: list[Difference]) -> None:
        def names(kind: Kind) -> list[str]:
            return list(dict.fromkeys(each.name for each in left if each.section == kind.section))

        if names(self._settings):
            self._settings.write_changed(desired["realm"], left)
        for kind in self._before_profile:
            for name in names(kind):
                kind.write(name, desired[kind.section][name])
        if names(self._user_profile):
            self._user_profile.write_whole(desired["userProfile"])
        for kind in self._after_profile:
            for name in names(kind):
                kind.write(name, desired[kind.section][name])

    def ensure_demo_user(self, username: str, password: str, first_name: str, last_name: str, roles: list[str]) -> None:
        """A member of staff for the local stack, made once and given its password and roles anew at each start."""
        found = self._admin.call("GET", f"/users?exact=true&username={quote(username)}")
        body = {
            "username": username,
            "enabled": True,
            "firstName": first_name,
            "lastName": last_name,
            "email": f"{username}@example.com",
        }
        if not found:
            self._admin.call("POST", "/users", body)
            found = self._admin.call("GET", f"/users?exact=true&username={quote(username)}")
            credential = {"type": "password", "value": password, "temporary": False}
            self._admin.call("PUT", f"/users/{found[0]['id']}/reset-password", credential)
        mapping = f"/users/{found[0]['id']}/role-mappings"
        reconcile_roles(
            self._admin, mapping, {"realm": roles}, {"realm": [r["name"] for r in self._admin.call("GET", f"{mapping}/realm")]}
        )

    # -- staff and their second factor -----------------------------------------------------------

    def display_name(self) -> str:
        return str(self._admin.call("GET", "").get("displayName") or self.realm)

    def staff_member(self, username: str) -> str:
        """The id of a member of staff.

        Raises:
            NotStaff: no such user, or one without a staff role.
        """
        found = self._admin.call("GET", f"/users?exact=true&username={quote(username)}")
        if not found:
            raise NotStaff(f"There is no user {username} in the realm {self.realm}.")
        roles = self._admin.call("GET", f"/users/{found[0]['id']}/role-mappings/realm/composite")
        if STAFF_MARK not in {role["name"] for role in roles}:
            raise NotStaff(f"{username} has no staff role: give one first (docs/how-to/staff-second-factor.md).")
        return str(found[0]["id"])

    def second_factors(self, user_id: str) -> list[str]:
        """Ids of the one-time codes that a user has."""
        return [each["id"] for each in self._admin.call("GET", f"/users/{user_id}/credentials") if each["type"] == "otp"]

    def give_second_factor(self, user_id: str, credential: Tree) -> None:
        """Store a one-time code in place of those there are, and end the user's sessions.

        The old ones go first: when it fails half-way, the user has none and is let in nowhere.
        """
        for identifier in self.second_factors(user_id):
            self._admin.call("DELETE", f"/users/{user_id}/credentials/{identifier}")
        user = self._admin.call("GET", f"/users/{user_id}")
        self._admin.call("PUT", f"/users/{user_id}", {**user, "credentials": [credential]})
        self._admin.call("POST", f"/users/{user_id}/logout")
