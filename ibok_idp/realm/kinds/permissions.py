"""Fine-grained admin permissions: who may manage whom."""

from __future__ import annotations

import json

from ibok_idp.errors import RealmDrift
from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.desired import Tree


class Permissions:
    """Policies and permissions of `admin-permissions`, by name."""

    section = "permissions"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, _desired: Tree) -> Tree:
        client = self._admin.client("admin-permissions")
        if client is None:
            return {}
        base = f"/clients/{client['id']}/authz/resource-server"
        found: Tree = {}
        for policy in self._admin.call("GET", f"{base}/policy?max=1000"):
            entry: Tree = {"type": policy["type"], "description": policy.get("description", "")}
            if policy["type"] == "user":
                users = [
                    self._admin.call("GET", f"/users/{identifier}", missing_is_none=True)
                    for identifier in json.loads(policy["config"]["users"])
                ]
                entry["users"] = sorted(user["username"] for user in users if user)
            elif policy["type"] == "scope":
                entry["defaultResourceType"] = policy.get("config", {}).get("defaultResourceType", "")
                for key, path in (("resources", "resources"), ("scopes", "scopes"), ("applyPolicies", "associatedPolicies")):
                    entry[key] = sorted(each["name"] for each in self._admin.call("GET", f"{base}/policy/{policy['id']}/{path}"))
                entry["resources"] = sorted(self._group_path(name) for name in entry["resources"])
            found[policy["name"]] = entry
        return found

    def write(self, name: str, wanted: Tree) -> None:
        client = self._admin.client("admin-permissions")
        if client is None:
            raise RealmDrift("The client admin-permissions is missing: switch on 'Admin Permissions' in the realm settings.")
        base = f"/clients/{client['id']}/authz/resource-server"
        known = {policy["name"]: policy for policy in self._admin.call("GET", f"{base}/policy?max=1000")}
        body: Tree = {"name": name, "description": wanted["description"], "logic": "POSITIVE", "decisionStrategy": "UNANIMOUS"}
        if wanted["type"] == "user":
            kind = "policy/user"
            body["users"] = [self._user_id(username) for username in wanted["users"]]
        else:
            kind = "permission/scope"
            body |= {
                "resourceType": wanted["defaultResourceType"],
                "resources": [self._admin.call("GET", f"/group-by-path{path}")["id"] for path in wanted["resources"]],
                "scopes": wanted["scopes"],
                "policies": [known[policy]["id"] for policy in wanted["applyPolicies"]],
            }
        if name in known:
            self._admin.call("PUT", f"{base}/{kind}/{known[name]['id']}", {**body, "id": known[name]["id"]})
        else:
            self._admin.call("POST", f"{base}/{kind}", body)

    def _user_id(self, username: str) -> str:
        client = self._admin.existing_client(username.removeprefix("service-account-"))
        return str(self._admin.call("GET", f"/clients/{client['id']}/service-account-user")["id"])

    def _group_path(self, resource: str) -> str:
        """Fine-grained permissions name a group by its id; the file and people by its path."""
        group = self._admin.call("GET", f"/groups/{resource}", missing_is_none=True)
        return str(group["path"]) if group else resource
