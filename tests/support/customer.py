"""A customer with an own password who forgets it (S7), on the real parts."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from ibok_idp.customers import NewCustomer
from ibok_idp.directory import CustomerDirectory
from ibok_idp.temporary_password import derive, new_nonce
from tests.support.world import World, where

OWN = "Woda 7 zdroj Ab"


class Customer:
    """A user in Keycloak alone, with an own password; quick to make, and no mail or limit in the way."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.directory = CustomerDirectory(world.keycloak, "ibok-provisioning", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"])
        self.login = f"tt{secrets.randbelow(10**8):08d}"
        activation = temporary()
        new = NewCustomer(self.login, "a@example.com", "A", "B", "pl", f"2026-S7-{self.login}", ("40118270",))
        self.user_id = str(self.directory.create(new, activation).user_id)
        assert self.sets_own(OWN, after=activation) == "portal"

    def tries(self, password: str, login: str = "") -> str:
        return where(self.at_login(password, login)[1])

    def at_login(self, password: str, login: str = "") -> tuple[Any, Any]:
        visitor = self.world.visitor()
        return visitor, visitor.log_in(f"{self.world.webapp}/logowanie", login or self.login, password)

    def sets_own(self, new: str, after: str) -> str:
        visitor, page = self.at_login(after)
        assert where(page) == "new password"
        page = visitor.send(page, {"password-new": new, "password-confirm": new})
        return "portal" if "callback" in page.url or page.url.startswith(self.world.webapp) else where(page)

    def gets(self, life: timedelta = timedelta(hours=24)) -> str:
        password = temporary()
        self.directory.set_temporary_password(self.user_id, password, datetime.now(UTC) + life)
        return password

    def unlock(self) -> None:
        self.world.admin("DELETE", f"/attack-detection/brute-force/users/{self.user_id}")

    def credentials(self) -> list[str]:
        return [each["type"] for each in self.world.admin("GET", f"/users/{self.user_id}/credentials").json()]


def temporary() -> str:
    return derive(secrets.token_bytes(32), new_nonce(), "test")


def with_keycloaks_database(world: World, statement: str, *values: Any) -> None:

    secret = world.secrets["IBOK_KEYCLOAK_DATABASE_PASSWORD"]
    host = world.secrets["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
    with psycopg.connect(f"postgresql://ibok_keycloak:{secret}@{host}/ibok_keycloak", autocommit=True) as connection:
        connection.execute(statement, values)


def clear_user_cache(world: World) -> None:
    assert world.admin("POST", "/clear-user-cache").status_code == 204


def kolmogorov_smirnov(one: list[float], other: list[float]) -> float:
    """The largest distance between two empirical distributions."""
    points = sorted([*one, *other])
    one, other = sorted(one), sorted(other)
    return max(abs(bisect_right(one, p) / len(one) - bisect_right(other, p) / len(other)) for p in points)
