"""Groups and the roles they give."""

from __future__ import annotations

from urllib.parse import quote

from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.desired import Tree


class Groups:
    """Groups and the roles they give."""

    section = "groups"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        there = {path: self._admin.call("GET", f"/group-by-path{path}", missing_is_none=True) for path in desired}
        return {path: group for path, group in there.items() if group}

    def write(self, path: str, wanted: Tree) -> None:
        group = self._admin.call("GET", f"/group-by-path{path}", missing_is_none=True)
        if group is None:
            self._admin.call("POST", "/groups", {"name": path.strip("/"), **{k: v for k, v in wanted.items() if k != "realmRoles"}})
            group = self._admin.call("GET", f"/group-by-path{path}")
        merged = {**group.get("attributes", {}), **wanted["attributes"]}
        self._admin.call("PUT", f"/groups/{group['id']}", {**group, "description": wanted["description"], "attributes": merged})
        lacking = [
            self._admin.call("GET", f"/roles/{quote(role)}")
            for role in wanted["realmRoles"]
            if role not in group.get("realmRoles", [])
        ]
        if lacking:
            self._admin.call("POST", f"/groups/{group['id']}/role-mappings/realm", lacking)
