"""Roles of the realm, and who and what has them."""

from __future__ import annotations

from urllib.parse import quote

from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.desired import Tree


def reconcile_roles(admin: RealmAdmin, base: str, wanted: Tree, now: Tree) -> None:
    """Give what lacks and take what is too much.

    Args:
        base: path of the role mappings or scope mappings.
        wanted, now: names of roles by their owner: `realm` or a client id.
    """
    for owner, roles in wanted.items():
        here = set(now.get(owner, []))
        if owner == "realm":
            place, role_path = f"{base}/realm", "/roles"
        else:
            client = admin.existing_client(owner)
            place, role_path = f"{base}/clients/{client['id']}", f"/clients/{client['id']}/roles"
        for verb, names in (("POST", set(roles) - here), ("DELETE", here - set(roles))):
            if names:
                admin.call(verb, place, [admin.call("GET", f"{role_path}/{quote(role)}") for role in sorted(names)])


def role_mapping(found: Tree) -> Tree:
    """Names of roles by their owner, from what Keycloak answers about mappings."""
    mapping = {"realm": sorted(role["name"] for role in found.get("realmMappings", []))}
    for owner, entry in found.get("clientMappings", {}).items():
        mapping[owner] = sorted(role["name"] for role in entry["mappings"])
    return mapping


def composites(admin: RealmAdmin, role: str) -> list[str]:
    return sorted(each["name"] for each in admin.call("GET", f"/roles/{quote(role)}/composites"))


class Roles:
    """Roles of the realm, with what they contain."""

    section = "roles"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        found = {role["name"]: role for role in self._admin.call("GET", "/roles?max=1000")}
        for name, wanted in desired.items():
            if name in found and "composites" in wanted:
                found[name] = {**found[name], "composites": composites(self._admin, name)}
        return found

    def write(self, name: str, wanted: Tree) -> None:
        described = {key: value for key, value in wanted.items() if key != "composites"}
        current = self._admin.call("GET", f"/roles/{quote(name)}", missing_is_none=True)
        if current is None:
            self._admin.call("POST", "/roles", {"name": name, **described})
        else:
            self._admin.call("PUT", f"/roles/{quote(name)}", {**current, **described})
        if "composites" in wanted:
            here, then = set(composites(self._admin, name)), set(wanted["composites"])
            for verb, names in (("POST", then - here), ("DELETE", here - then)):
                if names:
                    roles = [self._admin.call("GET", f"/roles/{quote(each)}") for each in sorted(names)]
                    self._admin.call(verb, f"/roles/{quote(name)}/composites", roles)


class DefaultRole:
    """The role that every new user has; ours is empty, so a new user may nothing by itself."""

    section = "defaultRole"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        return {name: {"composites": composites(self._admin, name)} for name in desired}

    def write(self, name: str, _wanted: Tree) -> None:
        current = self._admin.call("GET", f"/roles/{quote(name)}/composites")
        self._admin.call("DELETE", f"/roles/{quote(name)}/composites", current)
