"""The realm as production has it, under another name on the running Keycloak, with a staff UI of this process before it."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from werkzeug.serving import make_server

from deploy.visitor import Page, Visitor
from ibok_idp.realm.desired import load
from ibok_idp.realm.server import RealmServer
from ibok_idp.second_factor import OneTimeCode
from provisioning.web import create_app
from tests.support.free_ports import free_ports
from tests.support.world import World

PASSWORD = "Rzeka 7 Wisla Odra"


@dataclass(frozen=True)
class Person:
    """A user of the realm; `code` is None without a second factor."""

    user_id: str
    username: str
    code: OneTimeCode | None = None


def under_another_name(wanted: dict[str, Any], name: str) -> dict[str, Any]:
    """The same realm with another name and other ids, so that the product's own on the same server is left alone."""

    def other(found: re.Match[str]) -> str:
        return "".join(secrets.choice("0123456789abcdef") if each != "-" else each for each in found[0])

    renamed: dict[str, str] = {}
    pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    text = re.sub(pattern, lambda found: renamed.setdefault(found[0], other(found)), json.dumps(wanted))
    realm: dict[str, Any] = json.loads(text) | {"realm": name}
    realm["defaultRole"]["name"] = f"default-roles-{name}"
    return realm


class ProductionRealm:
    """One realm with the second factor on, and people in it."""

    def __init__(self, world: World, name: str, staff_ui: str, file: Path | None = None) -> None:
        self.world, self.name, self.staff_ui = world, name, staff_ui
        self.issuer = f"{world.keycloak}/realms/{name}"
        values = {"IBOK_WEBAPP_URL": world.webapp, "IBOK_PROVISIONING_URL": staff_ui, **world.secrets}
        self.wanted = under_another_name(load(values, staff_second_factor=True, path=file), name)
        username, password = (world.secrets[f"IBOK_KEYCLOAK_ADMIN_{each}"] for each in ("USERNAME", "PASSWORD"))
        self.server = RealmServer(world.keycloak, username, password, name)

    def admin(self, verb: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.world.admin_token()}"}
        return requests.request(
            verb, f"{self.world.keycloak}/admin/realms/{self.name}{path}", headers=headers, timeout=60, **options
        )

    def person(self, *roles: str, factor: bool = False, group: str | None = None, **more: Any) -> Person:
        """Somebody new with PASSWORD; with `factor` the one-time code that IT set up."""
        username = f"osoba-{secrets.token_hex(4)}"
        body = {
            "username": username,
            "enabled": True,
            "firstName": "Olga",
            "lastName": "Test",
            "email": f"{username}@example.com",
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
            "groups": [group] if group else [],
            **more,
        }
        answer = self.admin("POST", "/users", json=body)
        assert answer.status_code == 201, answer.text
        user_id = answer.headers["Location"].rsplit("/", 1)[-1]
        if roles:
            given = [self.admin("GET", f"/roles/{role}").json() for role in roles]
            assert self.admin("POST", f"/users/{user_id}/role-mappings/realm", json=given).status_code == 204
        code = OneTimeCode.new() if factor else None
        if code is not None:
            self.server.give_second_factor(user_id, code.credential("test"))
        return Person(user_id, username, code)

    def sessions(self, person: Person) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin("GET", f"/users/{person.user_id}/sessions").json()
        return found

    def factors(self, person: Person) -> list[str]:
        return self.server.second_factors(person.user_id)

    def door(self, client: str, redirect_uri: str, **more: str) -> str:
        """The address by which a browser comes to log in at a client; PKCE as every client of ours wants it."""
        query = {"client_id": client, "redirect_uri": redirect_uri, "response_type": "code", "scope": "openid", "state": "s"}
        query |= {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"} | more
        return str(requests.Request("GET", f"{self.issuer}/protocol/openid-connect/auth", params=query).prepare().url)

    def doors_but_staff(self) -> dict[str, str]:
        """Every client of the realm that logs people in, the staff UI excepted."""
        found = {}
        for client in self.admin("GET", "/clients").json():
            if client["standardFlowEnabled"] and client["redirectUris"] and client["clientId"] != "ibok-staff":
                target = client["redirectUris"][0]
                target = target.replace("*", "") if target.startswith("http") else f"{self.world.keycloak}{target.replace('*', '')}"
                found[client["clientId"]] = self.door(client["clientId"], target)
        return found


def log_in(visitor: Visitor, url: str, person: Person, *, ahead: int = 0) -> Page:
    """Go through a login with everything the person has; `ahead`: the code of so many steps later (none is taken twice)."""
    page = visitor.open(url)
    for _ in range(3):
        fields = {field.get("name") for field in page.tree.iter("input")}
        if "password" in fields:
            page = visitor.send(page, {"username": person.username, "password": PASSWORD})
        elif "otp" in fields and person.code is not None:
            page = visitor.send(page, {"otp": person.code.at(time.time() + 30 * ahead)})
        else:
            return page
    return page


def asked_for(page: Page) -> str:
    """What a page of Keycloak asks for: password, code, new code (enrolment), or nothing."""
    fields = {field.get("name") for field in page.tree.iter("input")}
    if "totpSecret" in fields or "totpSecret" in page.text:
        return "new code"
    return "password" if "password" in fields else "code" if "otp" in fields else "nothing"


def parameter(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query).get(name, [""])[0]


@contextmanager
def production_realm(world: World, file: Path | None = None) -> Iterator[ProductionRealm]:
    """Such a realm with its staff UI, gone afterwards."""
    (port,) = free_ports(1)
    name = f"ibok-{secrets.token_hex(4)}"
    realm = ProductionRealm(world, name, f"http://localhost:{port}", file)
    realm.server.apply(realm.wanted)
    values: dict[str, Any] = {
        "realm": name,
        "provisioning_url": realm.staff_ui,
        "staff_client_secret": world.secrets["IBOK_STAFF_CLIENT_SECRET"],
        "session_key": world.secrets["IBOK_STAFF_SESSION_KEY"],
        "staff_second_factor": True,
    }
    server = make_server("127.0.0.1", port, create_app(world.settings(**values)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield realm
    finally:
        server.shutdown()
        thread.join()
        realm.admin("DELETE", "")
