"""The two sides of the Directory contract: Keycloak in memory, and the real one behind the real adapter.

Beside the directory each side offers what people do there, so that one test body asks both.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Protocol

from ibok_idp.directory import CustomerDirectory
from provisioning.adapters.keycloak import KeycloakDirectory
from provisioning.ports.directory import Directory
from tests.support.fakes import TickingClock
from tests.support.memory_keycloak import MemoryKeycloak
from tests.support.world import World, where


class Side(Protocol):
    directory: Directory

    def unreachable(self) -> Directory:
        """The same directory when nothing answers."""
        ...

    def now(self) -> datetime: ...
    def wait_until(self, moment: datetime) -> None: ...

    def log_in(self, login: str, password: str) -> str:
        """`in`, `must_change` or `refused`."""
        ...

    def set_own_password(self, login: str, mailed: str, own: str) -> bool:
        """Log in with what was mailed and fill in the page that follows."""
        ...

    def sessions(self, user_id: str) -> int: ...

    def stored(self, user_id: str) -> dict[str, Any]:
        """The profile as Keycloak holds it, by the names of `Profile`."""
        ...

    def in_the_console(self, login: str, **changes: Any) -> None:
        """IT changes `enabled` or `email`; `gone=True` deletes, `out_of_group=True` takes out of /customers."""
        ...


class Memory:
    def __init__(self) -> None:
        self.clock = TickingClock()
        self.keycloak = MemoryKeycloak(self.clock)
        self.directory: Directory = self.keycloak
        self.now = self.clock.now
        self.log_in = self.keycloak.try_login
        self.set_own_password = self.keycloak.set_own_password
        self.in_the_console = self.keycloak.in_the_console

    def unreachable(self) -> Directory:
        return MemoryKeycloak(self.clock, away=True)

    def wait_until(self, moment: datetime) -> None:
        self.clock.moment = moment

    def sessions(self, user_id: str) -> int:
        return self.keycloak.users[user_id].sessions

    def stored(self, user_id: str) -> dict[str, Any]:
        return self.keycloak.users[user_id].profile


class Real:
    def __init__(self, world: World) -> None:
        self.world = world
        self.portal = f"{world.webapp}/konto"
        self.directory: Directory = world.services().directory

    def unreachable(self) -> Directory:
        return KeycloakDirectory(CustomerDirectory("http://localhost:1", "ibok-provisioning", "x"))

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait_until(self, moment: datetime) -> None:
        time.sleep(max(0.0, (moment - self.now()).total_seconds()))

    def log_in(self, login: str, password: str) -> str:
        page = self.world.visitor().log_in(self.portal, login, password)
        return {"portal": "in", "new password": "must_change", "login": "refused"}[where(page)]

    def set_own_password(self, login: str, mailed: str, own: str) -> bool:
        visitor = self.world.visitor()
        page = visitor.log_in(self.portal, login, mailed)
        if where(page) != "new password":
            return False
        return where(visitor.send(page, {"password-new": own, "password-confirm": own})) == "portal"

    def sessions(self, user_id: str) -> int:
        return len(self.world.admin("GET", f"/users/{user_id}/sessions").json())

    def stored(self, user_id: str) -> dict[str, Any]:
        user = self.world.admin("GET", f"/users/{user_id}").json()
        attributes = user.get("attributes", {})
        return {
            "enabled": user["enabled"],
            "email": user["email"],
            "first_name": user["firstName"],
            "last_name": user["lastName"],
            "language": attributes["locale"][0],
            "customer_numbers": attributes.get("ibok_customer_numbers", []),
        }

    def in_the_console(self, login: str, **changes: Any) -> None:
        user = self.world.user(login)
        assert user is not None
        path = f"/users/{user['id']}"
        if changes.pop("gone", False):
            answer = self.world.admin("DELETE", path)
        elif changes.pop("out_of_group", False):
            group = self.world.admin("GET", "/group-by-path/customers").json()["id"]
            answer = self.world.admin("DELETE", f"{path}/groups/{group}")
        else:
            answer = self.world.admin("PUT", path, json=user | changes)
        assert answer.status_code == 204, answer.text
