"""Settings of the realm itself, and its own texts."""

from __future__ import annotations

from urllib.parse import quote

from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.compare import Difference
from ibok_idp.realm.desired import BOUND_FLOWS, Tree, user_profile


class RealmSettings:
    """What stands in the realm's own representation."""

    section = "realm"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, _desired: Tree) -> Tree:
        realm: Tree = self._admin.call("GET", "")
        return realm

    def write_changed(self, desired: Tree, found: list[Difference]) -> None:
        """Only what differs; a flow that is not there yet is bound in the next round."""
        changed = {each.key.split(".")[0] for each in found if each.section == "realm"}
        body = {key: desired[key] for key in changed}
        current = self._admin.call("GET", "")
        if "attributes" in body:
            body["attributes"] = {**current.get("attributes", {}), **body["attributes"]}
        flows = {flow["alias"] for flow in self._admin.call("GET", "/authentication/flows")}
        for binding in BOUND_FLOWS:
            if body.get(binding, current[binding]) not in flows:
                del body[binding]  # made in this round, bound in the next
        self._admin.call("PUT", "", body)


class Localization:
    """The realm's own texts for Keycloak's pages, by language."""

    section = "localization"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        return {locale: self._admin.call("GET", f"/localization/{locale}") for locale in desired}

    def write(self, locale: str, texts: Tree) -> None:
        for key, text in texts.items():
            self._admin.call("PUT", f"/localization/{locale}/{quote(key)}", text)


class RequiredActions:
    """What Keycloak may ask a user to do at the next login."""

    section = "requiredActions"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, _desired: Tree) -> Tree:
        return {each["alias"]: each for each in self._admin.call("GET", "/authentication/required-actions")}

    def write(self, alias: str, wanted: Tree) -> None:
        current = self._admin.call("GET", f"/authentication/required-actions/{alias}", missing_is_none=True)
        if current is None:
            self._admin.call("POST", "/authentication/register-required-action", {"providerId": alias, "name": alias})
            current = self._admin.call("GET", f"/authentication/required-actions/{alias}")
        self._admin.call("PUT", f"/authentication/required-actions/{alias}", {**current, **wanted})


class UserProfile:
    """Attributes a user has, and who may see and change them."""

    section = "userProfile"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, _desired: Tree) -> Tree:
        return user_profile(self._admin.call("GET", "/users/profile"))

    def write_whole(self, wanted: Tree) -> None:
        """Ours in place of what is named so; every other attribute and group stays."""
        current = self._admin.call("GET", "/users/profile")
        for kind in ("attributes", "groups"):
            ours = wanted[kind]
            kept = [ours.get(each["name"], each) for each in current.get(kind, [])]
            kept += [each for name, each in ours.items() if name not in {old["name"] for old in current.get(kind, [])}]
            current[kind] = kept
        self._admin.call("PUT", "/users/profile", current)
