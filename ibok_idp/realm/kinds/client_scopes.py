"""Client scopes with their protocol mappers: what stands in tokens."""

from __future__ import annotations

from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.desired import Tree


class ClientScopes:
    """Client scopes with their protocol mappers."""

    section = "clientScopes"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, _desired: Tree) -> Tree:
        return {
            scope["name"]: {**scope, "protocolMappers": {mapper["name"]: mapper for mapper in scope.get("protocolMappers", [])}}
            for scope in self._admin.call("GET", "/client-scopes")
        }

    def write(self, name: str, wanted: Tree) -> None:
        mappers = [{"name": mapper, **rest} for mapper, rest in wanted["protocolMappers"].items()]
        body = {**wanted, "name": name, "protocolMappers": mappers}
        current = {scope["name"]: scope for scope in self._admin.call("GET", "/client-scopes")}.get(name)
        if current is None:
            self._admin.call("POST", "/client-scopes", body)
            return
        self._admin.call("PUT", f"/client-scopes/{current['id']}", {**current, **wanted, "protocolMappers": None})
        models = f"/client-scopes/{current['id']}/protocol-mappers/models"
        known = {mapper["name"]: mapper for mapper in current.get("protocolMappers", [])}
        for mapper in mappers:
            if mapper["name"] in known:
                identifier = known[mapper["name"]]["id"]
                self._admin.call("PUT", f"{models}/{identifier}", {**known[mapper["name"]], **mapper, "id": identifier})
            else:
                self._admin.call("POST", models, mapper)
