"""The desired realm: keycloak-realm.json with its placeholders filled, in a shape that can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from ibok_idp.errors import SettingsError
from ibok_idp.look.company import Utility, load_utility
from ibok_idp.password_policy import keycloak_policy
from ibok_idp.realm.steps import Step

Tree = dict[str, Any]

# What the file carries in its own sections; every other key is a plain realm setting.
_SECTIONS = {
    "roles",
    "defaultRole",
    "groups",
    "clientScopes",
    "clients",
    "scopeMappings",
    "clientScopeMappings",
    "users",
    "components",
    "localizationTexts",
    "requiredActions",
    "authenticationFlows",
    "authenticatorConfig",
    "defaultDefaultClientScopes",
    "defaultOptionalClientScopes",
}
_PLACEHOLDER = re.compile(r"\$\{(IBOK_[A-Z_]+)(?::([^}\"]*))?\}")

AUTHENTICATOR = "ibok-username-password-form"  # the login form of our provider
BROWSER_FLOW = "ibok-browser"
BOUND_FLOWS = ("browserFlow", "directGrantFlow")  # settings of the realm that name a flow
# Keycloak makes these itself in every realm; admin-cli would take a password in a token request (O08).
BUILT_IN_CLIENTS = ("account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console")
_SECOND_FACTOR = "ibok-staff-level-2"


def realm_file() -> Path:
    """keycloak-realm.json at the top of the project, or the copy inside the installed package."""
    for folder in (Path(__file__).parents[2], Path(__file__).parent):
        if (folder / "keycloak-realm.json").is_file():
            return folder / "keycloak-realm.json"
    raise SettingsError("keycloak-realm.json is missing from this installation: install the package again.")


def load(values: Mapping[str, str], *, staff_second_factor: bool, path: Path | None = None, utility: Utility | None = None) -> Tree:
    """Read the realm file and fill its `${IBOK_…}` placeholders (`${IBOK_…:default}` where there is a default).

    What needs our provider in the server is added from with_provider.json and not in the file, so that the file also
    imports into a server without it, where customers log in with the stock form: the login flow (S7) and the deny-list.

    Args:
        values: placeholder name to value (addresses and client secrets).
        staff_second_factor: False removes the one-time code from staff login, which then is of level 1 (local stack only).
        path: another file than the project's own.
        utility: whose name and telephone numbers Keycloak's pages show (realm localisation); None: those of the package.

    Raises:
        SettingsError: a placeholder has no value.
    """
    text = (path or realm_file()).read_text(encoding="utf-8")
    missing = sorted({name for name, default in _PLACEHOLDER.findall(text) if not values.get(name) and not default})
    if missing:
        raise SettingsError("keycloak-realm.json needs these settings, which are not set: " + ", ".join(missing))
    filled = _PLACEHOLDER.sub(lambda match: json.dumps(values.get(match[1]) or match[2])[1:-1], text)
    realm: Tree = json.loads(filled)
    more: Tree = json.loads((Path(__file__).parent / "with_provider.json").read_text(encoding="utf-8"))
    realm["authenticationFlows"] += more["authenticationFlows"]
    realm["authenticatorConfig"] += more["authenticatorConfig"]
    realm |= {"browserFlow": more["browserFlow"], "passwordPolicy": keycloak_policy(deny_list=True)}
    _name_the_utility(realm, utility or load_utility(None))
    if not staff_second_factor:
        _leave_out_second_factor(realm)
    return realm


def _leave_out_second_factor(realm: Tree) -> None:
    """Staff log in at level 1; everything else of their door stays as in production."""
    for flow in realm["authenticationFlows"]:
        flow["authenticationExecutions"] = [
            step for step in flow["authenticationExecutions"] if step.get("flowAlias") != _SECOND_FACTOR
        ]
    above = {_SECOND_FACTOR}
    while (
        found := {
            step["flowAlias"]
            for flow in realm["authenticationFlows"]
            if flow["alias"] in above
            for step in flow["authenticationExecutions"]
            if step["authenticatorFlow"]
        }
        - above
    ):
        above |= found
    realm["authenticationFlows"] = [flow for flow in realm["authenticationFlows"] if flow["alias"] not in above]
    for client in realm["clients"]:
        if client["clientId"] == "ibok-staff":
            client["attributes"]["minimum.acr.value"] = "1"


def _name_the_utility(realm: Tree, utility: Utility) -> None:
    """Keycloak's pages name the company and its help line as utility.toml says; the theme is not built again."""
    short = utility.company.short_name
    realm["displayName"] = f"iBOK {short}"
    realm["displayNameHtml"] = realm["displayNameHtml"].replace("WPWiK", escape(short))
    for language, texts in realm["localizationTexts"].items():
        texts["ibokHelpPhones"] = utility.phones(language)


def comparable(realm: Tree) -> Tree:
    """Turn a realm representation into nested dicts keyed by name, the shape `RealmServer.read` gives too."""
    flows = {flow["alias"]: flow for flow in realm["authenticationFlows"]}
    aliases = {flow["id"]: alias for alias, flow in flows.items() if "id" in flow}
    configs = {each["alias"]: each["config"] for each in realm["authenticatorConfig"]}
    return {
        "realm": {key: value for key, value in realm.items() if key not in _SECTIONS},
        "localization": realm["localizationTexts"],
        "requiredActions": {
            action["alias"]: _pick(action, "enabled", "defaultAction", "priority", "config") for action in realm["requiredActions"]
        },
        "userProfile": user_profile(_profile_config(realm)),
        "roles": {role["name"]: _role(role) for role in realm["roles"]["realm"]},
        "defaultRole": {realm["defaultRole"]["name"]: {"composites": []}},
        "clientScopes": {
            scope["name"]: _with_mappers(_pick(scope, "description", "protocol", "attributes"), scope)
            for scope in realm["clientScopes"]
        },
        "flows": {
            alias: {"description": flow["description"], "executions": _executions(flow, flows, configs)}
            for alias, flow in flows.items()
            if flow["topLevel"]
        },
        "clients": {
            client["clientId"]: comparable_client(client, aliases)
            for client in realm["clients"]
            if "authorizationSettings" not in client
        },
        "builtInClients": {name: {"directAccessGrantsEnabled": False} for name in BUILT_IN_CLIENTS},
        "scopeMappings": _scope_mappings(realm),
        "groups": {
            group["path"]: {
                "description": group["description"],
                "attributes": group["attributes"],
                "realmRoles": sorted(group["realmRoles"]),
            }
            for group in realm["groups"]
        },
        "serviceAccounts": {
            user["username"]: {
                "realmRoles": sorted(user.get("realmRoles", [])),
                "clientRoles": {name: sorted(roles) for name, roles in user.get("clientRoles", {}).items()},
            }
            for user in realm["users"]
        },
        "permissions": _permissions(realm),
    }


def comparable_client(client: Tree, flow_aliases: Mapping[str, str]) -> Tree:
    """One client without ids; flow overrides by alias, lists in a fixed order."""
    kept = {
        key: value
        for key, value in client.items()
        if key
        not in {
            "id",
            "clientId",
            "protocolMappers",
            "defaultClientScopes",
            "optionalClientScopes",
            "access",
            "nodeReRegistrationTimeout",
        }
    }
    kept["redirectUris"] = sorted(client.get("redirectUris", []))
    kept["webOrigins"] = sorted(client.get("webOrigins", []))
    kept["defaultClientScopes"] = sorted(client.get("defaultClientScopes", []))
    kept["optionalClientScopes"] = sorted(client.get("optionalClientScopes", []))
    overrides = client.get("authenticationFlowBindingOverrides") or {}
    kept["authenticationFlowBindingOverrides"] = {
        binding: flow_aliases.get(flow, flow) for binding, flow in overrides.items() if flow
    }
    return kept


def user_profile(config: Tree) -> Tree:
    """A user-profile configuration keyed by attribute name."""
    return {
        "attributes": {attribute["name"]: _ordered(attribute) for attribute in config["attributes"]},
        "groups": {group["name"]: group for group in config.get("groups", [])},
    }


def _ordered(attribute: Tree) -> Tree:
    permissions = {key: sorted(value) for key, value in attribute.get("permissions", {}).items()}
    return {**attribute, "permissions": permissions}


def _profile_config(realm: Tree) -> Tree:
    (component,) = realm["components"]["org.keycloak.userprofile.UserProfileProvider"]
    config: Tree = json.loads(component["config"]["kc.user.profile.config"][0])
    return config


def _role(role: Tree) -> Tree:
    contained = {"composites": sorted(role["composites"]["realm"])} if "composites" in role else {}
    return {**_pick(role, "description"), **contained}


def _executions(flow: Tree, flows: Mapping[str, Tree], configs: Mapping[str, Tree], level: int = 0) -> list[Step]:
    """The executions of a flow in their order, those of a sub-flow behind it."""
    steps: list[Step] = []
    for step in sorted(flow["authenticationExecutions"], key=lambda each: each["priority"]):
        name = step["flowAlias"] if step["authenticatorFlow"] else step["authenticator"]
        config = configs[step["authenticatorConfig"]] if "authenticatorConfig" in step else {}
        steps.append(Step(level, name, step["authenticatorFlow"], step["requirement"], config))
        if step["authenticatorFlow"]:
            steps.extend(_executions(flows[name], flows, configs, level + 1))
    return steps


def _scope_mappings(realm: Tree) -> Tree:
    mappings: Tree = {}
    for entry in realm["scopeMappings"]:
        mappings.setdefault(entry["client"], {})["realm"] = sorted(entry["roles"])
    for owner, entries in realm["clientScopeMappings"].items():
        for entry in entries:
            mappings.setdefault(entry["client"], {})[owner] = sorted(entry["roles"])
    return mappings


def _permissions(realm: Tree) -> Tree:
    """Fine-grained admin permissions: policy and permission by name, references by name too."""
    paths = {group["id"]: group["path"] for group in realm["groups"]}
    found: Tree = {}
    for client in realm["clients"]:
        for policy in client.get("authorizationSettings", {}).get("policies", []):
            config = {key: sorted(json.loads(value)) if value.startswith("[") else value for key, value in policy["config"].items()}
            config["resources"] = [paths.get(each, each) for each in config.get("resources", [])]
            found[policy["name"]] = {"type": policy["type"], "description": policy["description"], **config}
    return found


def _with_mappers(scope: Tree, source: Tree) -> Tree:
    scope["protocolMappers"] = {
        mapper["name"]: _pick(mapper, "protocol", "protocolMapper", "config") for mapper in source.get("protocolMappers", [])
    }
    return scope


def _pick(source: Tree, *keys: str) -> Tree:
    return {key: source[key] for key in keys if key in source}
