"""Clients, what they may pass on, and the service accounts of some."""

from __future__ import annotations

from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.desired import Tree, comparable_client
from ibok_idp.realm.kinds.roles import reconcile_roles, role_mapping


class Clients:
    """Our clients, with their scopes and flows."""

    section = "clients"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        flows = self._admin.flow_aliases()
        return {name: comparable_client(client, flows) for name, client in self._admin.clients().items() if name in desired}

    def write(self, name: str, wanted: Tree) -> None:
        flows = {flow["alias"]: flow["id"] for flow in self._admin.call("GET", "/authentication/flows")}
        overrides = {key: flows[alias] for key, alias in wanted["authenticationFlowBindingOverrides"].items()}
        body = {**wanted, "clientId": name, "authenticationFlowBindingOverrides": overrides}
        current = self._admin.client(name)
        if current is None:
            self._admin.call("POST", "/clients", body)
            return
        gone = {key: "" for key in current.get("authenticationFlowBindingOverrides") or {} if key not in overrides}
        body["authenticationFlowBindingOverrides"] = {**gone, **overrides}
        body["attributes"] = {**current.get("attributes", {}), **wanted.get("attributes", {})}
        self._admin.call("PUT", f"/clients/{current['id']}", {**current, **body})
        scopes = {scope["name"]: scope["id"] for scope in self._admin.call("GET", "/client-scopes")}
        for kind in ("default", "optional"):
            now, then = set(current.get(f"{kind}ClientScopes", [])), set(wanted[f"{kind}ClientScopes"])
            for scope in now - then:
                self._admin.call("DELETE", f"/clients/{current['id']}/{kind}-client-scopes/{scopes[scope]}")
            for scope in then - now:
                self._admin.call("PUT", f"/clients/{current['id']}/{kind}-client-scopes/{scopes[scope]}")


class BuiltInClients:
    """Clients that Keycloak makes itself: none takes a password in a token request (O08)."""

    section = "builtInClients"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        there = self._admin.clients()
        return {name: there.get(name, wanted) for name, wanted in desired.items()}  # one that is not there takes none either

    def write(self, name: str, wanted: Tree) -> None:
        current = self._admin.existing_client(name)
        self._admin.call("PUT", f"/clients/{current['id']}", {**current, **wanted})


class ScopeMappings:
    """Which roles may stand in the tokens of a client."""

    section = "scopeMappings"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        there = self._admin.clients()
        return {name: self._mapping(there[name]["id"]) for name in desired if name in there}

    def write(self, name: str, wanted: Tree) -> None:
        client = self._admin.existing_client(name)
        reconcile_roles(self._admin, f"/clients/{client['id']}/scope-mappings", wanted, self._mapping(client["id"]))

    def _mapping(self, identifier: str) -> Tree:
        return role_mapping(self._admin.call("GET", f"/clients/{identifier}/scope-mappings"))


class ServiceAccounts:
    """What our programs may do in Keycloak."""

    section = "serviceAccounts"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        there = self._admin.clients()
        return {
            name: self._roles_of(self._user(client)["id"])
            for name in desired
            if (client := there.get(name.removeprefix("service-account-")))
        }

    def write(self, name: str, wanted: Tree) -> None:
        user = self._user(self._admin.existing_client(name.removeprefix("service-account-")))
        now = self._roles_of(user["id"])
        reconcile_roles(
            self._admin,
            f"/users/{user['id']}/role-mappings",
            {"realm": wanted["realmRoles"], **wanted["clientRoles"]},
            {"realm": now["realmRoles"], **now["clientRoles"]},
        )

    def _user(self, client: Tree) -> Tree:
        user: Tree = self._admin.call("GET", f"/clients/{client['id']}/service-account-user")
        return user

    def _roles_of(self, user_id: str) -> Tree:
        mapping = role_mapping(self._admin.call("GET", f"/users/{user_id}/role-mappings"))
        return {"realmRoles": mapping.pop("realm"), "clientRoles": mapping}
