"""Reading a realm from a server and carrying out differences, through the Admin REST API."""

from __future__ import annotations

import json
from collections.abc import Callable
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from ibok_idp.errors import KeycloakRefused, KeycloakRejected, KeycloakUnavailable, NotStaff, ProviderMissing, RealmDrift
from ibok_idp.keycloak_provider.build import provider_version
from ibok_idp.password_policy import DENY_LIST_POLICY
from ibok_idp.realm.compare import Difference, differences
from ibok_idp.realm.desired import (
    AUTHENTICATOR,
    BOUND_FLOWS,
    BROWSER_FLOW,
    Step,
    Tree,
    comparable,
    comparable_client,
    user_profile,
)
from ibok_idp.tokens import STAFF_MARK

_REPLACED = " replaced "  # in the name of a flow that another took the place of, until it is taken away


class RealmServer:
    """One realm on one server, reached as an administrator of the master realm.

    Raises (every method):
        KeycloakUnavailable: no answer or 5xx. KeycloakRefused: 401 or 403. KeycloakRejected: another 4xx.
    """

    def __init__(self, url: str, username: str, password: str, realm: str = "ibok") -> None:
        self.realm = realm
        self._url = url.rstrip("/")
        self._admin = KeycloakAdmin(
            server_url=self._url, username=username, password=password, realm_name="master", verify=True, timeout=60
        )

    # -- reading ---------------------------------------------------------------------------------

    def exists(self) -> bool:
        return self._call("GET", "", missing_is_none=True) is not None

    def version(self) -> str:
        return str(self._call("GET", "/admin/serverinfo", absolute=True)["systemInfo"]["version"])

    def has_login_theme(self, name: str) -> bool:
        """Whether the server knows a login theme."""
        themes = self._call("GET", "/admin/serverinfo", absolute=True)["themes"]["login"]
        return name in {theme["name"] for theme in themes}

    def provider_version(self) -> str | None:
        """The version of our provider in the server, None without one."""
        return self._told("authenticator", AUTHENTICATOR, "version")

    def common_passwords(self) -> int:
        """How many passwords the deny-list of the server's provider holds (S6); 0 when it has none."""
        return int(self._told("password-policy", DENY_LIST_POLICY, "listed") or 0)

    def _told(self, kind: str, provider: str, name: str) -> str | None:
        kinds = self._call("GET", "/admin/serverinfo", absolute=True)["providers"]
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
        found: list[Tree] = self._call("GET", "/clients", missing_is_none=True) or []
        return found

    def client_secret(self, client_id: str) -> str:
        """The secret that Keycloak holds of a client, made now when it holds none."""
        client = self._client(client_id)
        assert client is not None  # asked for after `apply`
        path = f"/clients/{client['id']}/client-secret"
        return str(self._call("GET", path).get("value") or self._call("POST", path)["value"])

    def read(self, desired: Tree) -> Tree:
        """The server's realm in the shape of `comparable`, limited to what the desired realm names."""
        flows = {flow["id"]: flow["alias"] for flow in self._call("GET", "/authentication/flows")}
        clients = {client["clientId"]: client for client in self._call("GET", "/clients")}
        realm = self._call("GET", "")
        return {
            "realm": realm,
            "localization": {locale: self._call("GET", f"/localization/{locale}") for locale in desired["localization"]},
            "requiredActions": {a["alias"]: a for a in self._call("GET", "/authentication/required-actions")},
            "userProfile": user_profile(self._call("GET", "/users/profile")),
            "roles": self._roles(desired["roles"]),
            "defaultRole": {name: {"composites": self._composites(name)} for name in desired["defaultRole"]},
            "clientScopes": {scope["name"]: self._mappers_by_name(scope) for scope in self._call("GET", "/client-scopes")},
            "flows": {
                alias: {"description": self._flow(alias)["description"], "executions": self._outline(alias)}
                for alias in flows.values()
                if alias in desired["flows"]
            },
            "clients": {name: comparable_client(client, flows) for name, client in clients.items() if name in desired["clients"]},
            # one that is not there takes no password either
            "builtInClients": {name: clients.get(name, wanted) for name, wanted in desired["builtInClients"].items()},
            "scopeMappings": {
                name: self._scope_mapping(clients[name]["id"]) for name in desired["scopeMappings"] if name in clients
            },
            "groups": {
                path: group
                for path in desired["groups"]
                if (group := self._call("GET", f"/group-by-path{path}", missing_is_none=True))
            },
            "serviceAccounts": {
                name: self._service_account(clients, name)
                for name in desired["serviceAccounts"]
                if name.removeprefix("service-account-") in clients
            },
            "permissions": self._permissions(clients),
        }

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
            self._call("POST", "/admin/realms", wanted, absolute=True)
            self.apply(wanted)
            return [Difference("realm", self.realm, "", None, None)]
        desired = comparable(wanted)
        found = differences(desired, self.read(desired))
        writers: dict[str, Callable[[str, Tree], None]] = {
            "realm": lambda _name, _tree: self._write_realm(desired["realm"], found),
            "localization": self._write_localization,
            "requiredActions": self._write_required_action,
            "userProfile": lambda _name, _tree: self._write_user_profile(desired["userProfile"]),
            "roles": self._write_role,
            "defaultRole": self._write_default_role,
            "clientScopes": self._write_client_scope,
            "flows": self._write_flow,
            "clients": self._write_client,
            "builtInClients": self._write_built_in_client,
            "groups": self._write_group,
            "scopeMappings": self._write_scope_mapping,
            "serviceAccounts": self._write_service_account,
            "permissions": self._write_permission,
        }
        left = found
        for _ in range(2):  # making a client lets Keycloak add its default scopes, which only then can be taken off
            for section, write in writers.items():
                for name in dict.fromkeys(each.name for each in left if each.section == section):
                    write(name, desired[section].get(name, {}) if section != "realm" else desired["realm"])
            left = differences(desired, self.read(desired)) if left else []
        self._delete_replaced_flows()
        if left:
            raise RealmDrift(
                "These differences could not be carried out; mend them in the console:\n  " + "\n  ".join(map(str, left))
            )
        return found

    def ensure_demo_user(self, username: str, password: str, first_name: str, last_name: str, roles: list[str]) -> None:
        """A member of staff for the local stack, made once and given its password and roles anew at each start."""
        found = self._call("GET", f"/users?exact=true&username={quote(username)}")
        body = {
            "username": username,
            "enabled": True,
            "firstName": first_name,
            "lastName": last_name,
            "email": f"{username}@example.com",
        }
        if not found:
            self._call("POST", "/users", body)
            found = self._call("GET", f"/users?exact=true&username={quote(username)}")
            credential = {"type": "password", "value": password, "temporary": False}
            self._call("PUT", f"/users/{found[0]['id']}/reset-password", credential)
        mapping = f"/users/{found[0]['id']}/role-mappings"
        self._reconcile_roles(mapping, {"realm": roles}, {"realm": [r["name"] for r in self._call("GET", f"{mapping}/realm")]})

    # -- staff and their second factor -----------------------------------------------------------

    def display_name(self) -> str:
        return str(self._call("GET", "").get("displayName") or self.realm)

    def staff_member(self, username: str) -> str:
        """The id of a member of staff.

        Raises:
            NotStaff: no such user, or one without a staff role.
        """
        found = self._call("GET", f"/users?exact=true&username={quote(username)}")
        if not found:
            raise NotStaff(f"There is no user {username} in the realm {self.realm}.")
        roles = self._call("GET", f"/users/{found[0]['id']}/role-mappings/realm/composite")
        if STAFF_MARK not in {role["name"] for role in roles}:
            raise NotStaff(f"{username} has no staff role: give one first (docs/how-to/staff-second-factor.md).")
        return str(found[0]["id"])

    def second_factors(self, user_id: str) -> list[str]:
        """Ids of the one-time codes that a user has."""
        return [each["id"] for each in self._call("GET", f"/users/{user_id}/credentials") if each["type"] == "otp"]

    def give_second_factor(self, user_id: str, credential: Tree) -> None:
        """Store a one-time code in place of those there are, and end the user's sessions.

        The old ones go first: when it fails half-way, the user has none and is let in nowhere.
        """
        for identifier in self.second_factors(user_id):
            self._call("DELETE", f"/users/{user_id}/credentials/{identifier}")
        user = self._call("GET", f"/users/{user_id}")
        self._call("PUT", f"/users/{user_id}", {**user, "credentials": [credential]})
        self._call("POST", f"/users/{user_id}/logout")

    def _write_realm(self, desired: Tree, found: list[Difference]) -> None:
        changed = {each.key.split(".")[0] for each in found if each.section == "realm"}
        body = {key: desired[key] for key in changed}
        current = self._call("GET", "")
        if "attributes" in body:
            body["attributes"] = {**current.get("attributes", {}), **body["attributes"]}
        flows = {flow["alias"] for flow in self._call("GET", "/authentication/flows")}
        for binding in BOUND_FLOWS:
            if body.get(binding, current[binding]) not in flows:
                del body[binding]  # made in this round, bound in the next
        self._call("PUT", "", body)

    def _write_localization(self, locale: str, texts: Tree) -> None:
        for key, text in texts.items():
            self._call("PUT", f"/localization/{locale}/{quote(key)}", text)

    def _write_required_action(self, alias: str, wanted: Tree) -> None:
        current = self._call("GET", f"/authentication/required-actions/{alias}", missing_is_none=True)
        if current is None:
            self._call("POST", "/authentication/register-required-action", {"providerId": alias, "name": alias})
            current = self._call("GET", f"/authentication/required-actions/{alias}")
        self._call("PUT", f"/authentication/required-actions/{alias}", {**current, **wanted})

    def _write_user_profile(self, wanted: Tree) -> None:
        current = self._call("GET", "/users/profile")
        for kind in ("attributes", "groups"):
            ours = wanted[kind]
            kept = [ours.get(each["name"], each) for each in current.get(kind, [])]
            kept += [each for name, each in ours.items() if name not in {old["name"] for old in current.get(kind, [])}]
            current[kind] = kept
        self._call("PUT", "/users/profile", current)

    def _write_role(self, name: str, wanted: Tree) -> None:
        described = {key: value for key, value in wanted.items() if key != "composites"}
        current = self._call("GET", f"/roles/{quote(name)}", missing_is_none=True)
        if current is None:
            self._call("POST", "/roles", {"name": name, **described})
        else:
            self._call("PUT", f"/roles/{quote(name)}", {**current, **described})
        if "composites" in wanted:
            here, then = set(self._composites(name)), set(wanted["composites"])
            for verb, names in (("POST", then - here), ("DELETE", here - then)):
                if names:
                    roles = [self._call("GET", f"/roles/{quote(each)}") for each in sorted(names)]
                    self._call(verb, f"/roles/{quote(name)}/composites", roles)

    def _write_default_role(self, name: str, _wanted: Tree) -> None:
        current = self._call("GET", f"/roles/{quote(name)}/composites")
        self._call("DELETE", f"/roles/{quote(name)}/composites", current)

    def _write_client_scope(self, name: str, wanted: Tree) -> None:
        mappers = [{"name": mapper, **rest} for mapper, rest in wanted["protocolMappers"].items()]
        body = {**wanted, "name": name, "protocolMappers": mappers}
        current = {scope["name"]: scope for scope in self._call("GET", "/client-scopes")}.get(name)
        if current is None:
            self._call("POST", "/client-scopes", body)
            return
        self._call("PUT", f"/client-scopes/{current['id']}", {**current, **wanted, "protocolMappers": None})
        models = f"/client-scopes/{current['id']}/protocol-mappers/models"
        known = {mapper["name"]: mapper for mapper in current.get("protocolMappers", [])}
        for mapper in mappers:
            if mapper["name"] in known:
                identifier = known[mapper["name"]]["id"]
                self._call("PUT", f"{models}/{identifier}", {**known[mapper["name"]], **mapper, "id": identifier})
            else:
                self._call("POST", models, mapper)

    def _write_flow(self, alias: str, wanted: Tree) -> None:
        """Only details differ: they are mended in place. Steps differ: the flow is built anew beside the old one, which
        stays bound until the new one is, so that no login ever meets half a flow."""
        steps = [Step.read(line) for line in wanted["executions"]]
        known = {flow["alias"]: flow for flow in self._call("GET", "/authentication/flows")}
        if alias in known and not _same_steps(steps, [Step.read(line) for line in self._outline(alias)]):
            self._set_aside(known[alias])
            del known[alias]
        if alias not in known:
            self._build_flow(alias, wanted["description"], steps)
        else:
            body = {**self._flow(alias), "description": wanted["description"]}
            self._call("PUT", f"/authentication/flows/{known[alias]['id']}", body)
        path = f"/authentication/flows/{quote(alias)}/executions"
        for step, execution in zip(steps, self._call("GET", path), strict=True):
            if execution["requirement"] != step.requirement:
                self._call("PUT", path, execution | {"requirement": step.requirement})
            if step.config != self._config(execution):
                self._write_step_config(step, execution)

    def _build_flow(self, alias: str, description: str, steps: list[Step]) -> None:
        body = {"alias": alias, "description": description, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
        self._call("POST", "/authentication/flows", body)
        parents = [alias]
        for step in steps:
            parent = f"/authentication/flows/{quote(parents[step.level])}/executions"
            if step.is_flow:
                self._call("POST", f"{parent}/flow", {"alias": step.name, "type": "basic-flow", "provider": "", "description": ""})
                parents[step.level + 1 :] = [step.name]
            else:
                self._call("POST", f"{parent}/execution", {"provider": step.name})

    def _write_step_config(self, step: Step, execution: Tree) -> None:
        config = {"alias": f"{step.name} {token_hex(4)}", "config": dict(step.config)}  # Keycloak wants it to be the only one
        if identifier := execution.get("authenticationConfig"):
            self._call("PUT", f"/authentication/config/{identifier}", {**config, "id": identifier})
        else:
            self._call("POST", f"/authentication/executions/{execution['id']}/config", config)

    def _config(self, execution: Tree) -> Tree:
        identifier = execution.get("authenticationConfig")
        return self._call("GET", f"/authentication/config/{identifier}")["config"] if identifier else {}

    def _set_aside(self, flow: Tree) -> None:
        """Another name for a flow and the flows in it; whoever is bound to it stays so. The flow itself comes last: when it
        fails half-way, the next `apply` finds its name with other steps and begins again."""
        executions = self._call("GET", f"/authentication/flows/{quote(flow['alias'])}/executions")
        for identifier in [*(each["flowId"] for each in executions if each.get("authenticationFlow")), flow["id"]]:
            current = self._call("GET", f"/authentication/flows/{identifier}")
            current["alias"] = f"{current['alias']}{_REPLACED}{token_hex(4)}"
            self._call("PUT", f"/authentication/flows/{identifier}", current)

    def _delete_replaced_flows(self) -> None:
        for flow in self._call("GET", "/authentication/flows"):
            if _REPLACED in flow["alias"]:
                self._call("DELETE", f"/authentication/flows/{flow['id']}")

    def _write_client(self, name: str, wanted: Tree) -> None:
        flows = {flow["alias"]: flow["id"] for flow in self._call("GET", "/authentication/flows")}
        overrides = {key: flows[alias] for key, alias in wanted["authenticationFlowBindingOverrides"].items()}
        body = {**wanted, "clientId": name, "authenticationFlowBindingOverrides": overrides}
        current = self._client(name)
        if current is None:
            self._call("POST", "/clients", body)
            return
        gone = {key: "" for key in current.get("authenticationFlowBindingOverrides") or {} if key not in overrides}
        body["authenticationFlowBindingOverrides"] = {**gone, **overrides}
        body["attributes"] = {**current.get("attributes", {}), **wanted.get("attributes", {})}
        self._call("PUT", f"/clients/{current['id']}", {**current, **body})
        scopes = {scope["name"]: scope["id"] for scope in self._call("GET", "/client-scopes")}
        for kind in ("default", "optional"):
            now, then = set(current.get(f"{kind}ClientScopes", [])), set(wanted[f"{kind}ClientScopes"])
            for scope in now - then:
                self._call("DELETE", f"/clients/{current['id']}/{kind}-client-scopes/{scopes[scope]}")
            for scope in then - now:
                self._call("PUT", f"/clients/{current['id']}/{kind}-client-scopes/{scopes[scope]}")

    def _write_built_in_client(self, name: str, wanted: Tree) -> None:
        current = self._client(name)
        assert current is not None  # one that is missing is no difference
        self._call("PUT", f"/clients/{current['id']}", {**current, **wanted})

    def _write_scope_mapping(self, name: str, wanted: Tree) -> None:
        client = self._client(name)
        assert client is not None  # clients are written before
        self._reconcile_roles(f"/clients/{client['id']}/scope-mappings", wanted, self._scope_mapping(client["id"]))

    def _write_group(self, path: str, wanted: Tree) -> None:
        group = self._call("GET", f"/group-by-path{path}", missing_is_none=True)
        if group is None:
            self._call("POST", "/groups", {"name": path.strip("/"), **{k: v for k, v in wanted.items() if k != "realmRoles"}})
            group = self._call("GET", f"/group-by-path{path}")
        merged = {**group.get("attributes", {}), **wanted["attributes"]}
        self._call("PUT", f"/groups/{group['id']}", {**group, "description": wanted["description"], "attributes": merged})
        lacking = [
            self._call("GET", f"/roles/{quote(role)}") for role in wanted["realmRoles"] if role not in group.get("realmRoles", [])
        ]
        if lacking:
            self._call("POST", f"/groups/{group['id']}/role-mappings/realm", lacking)

    def _write_service_account(self, name: str, wanted: Tree) -> None:
        client = self._client(name.removeprefix("service-account-"))
        assert client is not None  # clients are written before
        user = self._call("GET", f"/clients/{client['id']}/service-account-user")
        now = self._service_account({client["clientId"]: client}, name)
        self._reconcile_roles(
            f"/users/{user['id']}/role-mappings",
            {"realm": wanted["realmRoles"], **wanted["clientRoles"]},
            {"realm": now["realmRoles"], **now["clientRoles"]},
        )

    def _write_permission(self, name: str, wanted: Tree) -> None:
        client = self._client("admin-permissions")
        if client is None:
            raise RealmDrift("The client admin-permissions is missing: switch on 'Admin Permissions' in the realm settings.")
        base = f"/clients/{client['id']}/authz/resource-server"
        known = {policy["name"]: policy for policy in self._call("GET", f"{base}/policy?max=1000")}
        body: Tree = {"name": name, "description": wanted["description"], "logic": "POSITIVE", "decisionStrategy": "UNANIMOUS"}
        if wanted["type"] == "user":
            kind = "policy/user"
            body["users"] = [self._user_id(username) for username in wanted["users"]]
        else:
            kind = "permission/scope"
            body |= {
                "resourceType": wanted["defaultResourceType"],
                "resources": [self._call("GET", f"/group-by-path{path}")["id"] for path in wanted["resources"]],
                "scopes": wanted["scopes"],
                "policies": [known[policy]["id"] for policy in wanted["applyPolicies"]],
            }
        if name in known:
            self._call("PUT", f"{base}/{kind}/{known[name]['id']}", {**body, "id": known[name]["id"]})
        else:
            self._call("POST", f"{base}/{kind}", body)

    # -- small readers ---------------------------------------------------------------------------

    def _reconcile_roles(self, base: str, wanted: Tree, now: Tree) -> None:
        for owner, roles in wanted.items():
            here = set(now.get(owner, []))
            if owner == "realm":
                place, role_path = f"{base}/realm", "/roles"
            else:
                client = self._client(owner)
                assert client is not None
                place, role_path = f"{base}/clients/{client['id']}", f"/clients/{client['id']}/roles"
            for verb, names in (("POST", set(roles) - here), ("DELETE", here - set(roles))):
                if names:
                    self._call(verb, place, [self._call("GET", f"{role_path}/{quote(role)}") for role in sorted(names)])

    def _client(self, client_id: str) -> Tree | None:
        found = self._call("GET", f"/clients?clientId={quote(client_id)}")
        return found[0] if found else None

    def _composites(self, role: str) -> list[str]:
        return sorted(each["name"] for each in self._call("GET", f"/roles/{quote(role)}/composites"))

    def _mappers_by_name(self, scope: Tree) -> Tree:
        return {**scope, "protocolMappers": {mapper["name"]: mapper for mapper in scope.get("protocolMappers", [])}}

    def _flow(self, alias: str) -> Tree:
        flow: Tree = next(flow for flow in self._call("GET", "/authentication/flows") if flow["alias"] == alias)
        return flow

    def _outline(self, alias: str) -> list[str]:
        executions = self._call("GET", f"/authentication/flows/{quote(alias)}/executions")
        return [
            str(
                Step(
                    level=step["level"],
                    name=step.get("providerId") or step["displayName"],
                    is_flow=bool(step.get("authenticationFlow")),
                    requirement=step["requirement"],
                    config=self._config(step),
                )
            )
            for step in executions
        ]

    def _roles(self, desired: Tree) -> Tree:
        found = {role["name"]: role for role in self._call("GET", "/roles?max=1000")}
        for name, wanted in desired.items():
            if name in found and "composites" in wanted:
                found[name] = {**found[name], "composites": self._composites(name)}
        return found

    def _scope_mapping(self, client_uuid: str) -> Tree:
        found = self._call("GET", f"/clients/{client_uuid}/scope-mappings")
        mapping = {"realm": sorted(role["name"] for role in found.get("realmMappings", []))}
        for owner, entry in found.get("clientMappings", {}).items():
            mapping[owner] = sorted(role["name"] for role in entry["mappings"])
        return mapping

    def _service_account(self, clients: Tree, username: str) -> Tree:
        client = clients[username.removeprefix("service-account-")]
        user = self._call("GET", f"/clients/{client['id']}/service-account-user")
        found = self._call("GET", f"/users/{user['id']}/role-mappings")
        return {
            "realmRoles": sorted(role["name"] for role in found.get("realmMappings", [])),
            "clientRoles": {
                owner: sorted(role["name"] for role in entry["mappings"])
                for owner, entry in found.get("clientMappings", {}).items()
            },
        }

    def _permissions(self, clients: Tree) -> Tree:
        if "admin-permissions" not in clients:
            return {}
        base = f"/clients/{clients['admin-permissions']['id']}/authz/resource-server"
        found: Tree = {}
        for policy in self._call("GET", f"{base}/policy?max=1000"):
            entry: Tree = {"type": policy["type"], "description": policy.get("description", "")}
            if policy["type"] == "user":
                users = [
                    self._call("GET", f"/users/{identifier}", missing_is_none=True)
                    for identifier in json.loads(policy["config"]["users"])
                ]
                entry["users"] = sorted(user["username"] for user in users if user)
            elif policy["type"] == "scope":
                entry["defaultResourceType"] = policy.get("config", {}).get("defaultResourceType", "")
                for key, path in (("resources", "resources"), ("scopes", "scopes"), ("applyPolicies", "associatedPolicies")):
                    entry[key] = sorted(each["name"] for each in self._call("GET", f"{base}/policy/{policy['id']}/{path}"))
                entry["resources"] = sorted(self._group_path(name) for name in entry["resources"])
            found[policy["name"]] = entry
        return found

    def _user_id(self, username: str) -> str:
        client = self._client(username.removeprefix("service-account-"))
        assert client is not None
        return str(self._call("GET", f"/clients/{client['id']}/service-account-user")["id"])

    def _group_path(self, resource: str) -> str:
        """Fine-grained permissions name a group by its id; the file and people by its path."""
        group = self._call("GET", f"/groups/{resource}", missing_is_none=True)
        return str(group["path"]) if group else resource

    def _call(self, verb: str, path: str, body: Any = None, *, absolute: bool = False, missing_is_none: bool = False) -> Any:
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


def _same_steps(wanted: list[Step], there: list[Step]) -> bool:
    return [(s.level, s.name, s.is_flow) for s in wanted] == [(s.level, s.name, s.is_flow) for s in there]


def _translated(error: KeycloakError, what: str) -> Exception:
    return _failed(error.response_code or 0, what, str(error))


def _failed(status: int, what: str, text: str) -> Exception:
    if status in (401, 403):
        return KeycloakRefused(f"Keycloak refuses {what} ({status}): check IBOK_KEYCLOAK_ADMIN_USERNAME and its rights.")
    if status >= 500 or status == 0:
        return KeycloakUnavailable(f"Keycloak answers {status} to {what}: {text[:300]}")
    return KeycloakRejected(f"Keycloak answers {status} to {what}: {text[:300]}")
