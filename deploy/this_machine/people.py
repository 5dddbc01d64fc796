"""Members of staff on a machine that was just installed, as IT makes them in the console."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from dotenv import dotenv_values
from keycloak import KeycloakAdmin

from deploy.this_machine.machine import Machine
from deploy.visitor import Page, Visitor
from ibok_idp.realm.server import RealmServer
from ibok_idp.second_factor import OneTimeCode

_PERIOD_SECONDS = 30


@dataclass
class Employee:
    """Somebody with a role, a password and a one-time code."""

    username: str
    password: str
    code: OneTimeCode
    admin: KeycloakAdmin
    user_id: str
    _used: int = field(default=0)

    def type_password(self, visitor: Visitor, url: str) -> Page:
        """What comes after the password."""
        return visitor.send(visitor.open(url), {"username": self.username, "password": self.password})

    def log_in(self, visitor: Visitor, url: str) -> Page:
        """Password, then the code. Keycloak takes no code twice, so the next one is waited for."""
        page = self.type_password(visitor, url)
        while (step := int(time.time()) // _PERIOD_SECONDS) <= self._used:
            time.sleep(0.5)
        self._used = step
        return visitor.send(page, {"otp": self.code.at(time.time())})

    def end_sessions(self) -> None:
        """As IT does in the console: Sessions, Sign out."""
        self.admin.user_logout(self.user_id)


def administrator(machine: Machine) -> KeycloakAdmin:
    """IT's administrator, at work in the realm ibok."""
    username, password = _administrators_login(machine)
    found = KeycloakAdmin(
        server_url=machine.login, username=username, password=password, user_realm_name="master", realm_name="ibok"
    )
    found.connection.timeout = 120
    return found


def make_employee(machine: Machine, role: str) -> Employee:
    """Make a member of staff with this role and a one-time code."""
    admin, own, username = administrator(machine), f"Rzeka {secrets.token_hex(4)} Odra 7", f"{role}-{secrets.token_hex(3)}"
    user_id = admin.create_user(
        {
            "username": username,
            "enabled": True,
            "firstName": "Olga",
            "lastName": "Test",
            "email": f"{username}@example.com",
            "credentials": [{"type": "password", "value": own, "temporary": False}],
        }
    )
    admin.assign_realm_roles(user_id, [admin.get_realm_role(role)])
    return given_code(machine, admin, username, own)


def given_code(machine: Machine, admin: KeycloakAdmin, username: str, password: str) -> Employee:
    """Set up the one-time code of a member of staff, as `ibok-idp staff-factor` does."""
    server, code = RealmServer(machine.login, *_administrators_login(machine)), OneTimeCode.new()
    user_id = server.staff_member(username)
    server.give_second_factor(user_id, code.credential("test"))
    return Employee(username, password, code, admin, user_id)


def _administrators_login(machine: Machine) -> tuple[str, str]:
    values = dotenv_values(machine.root / "etc/ibok/realm.env", interpolate=False)
    return str(values["IBOK_KEYCLOAK_ADMIN_USERNAME"]), str(values["IBOK_KEYCLOAK_ADMIN_PASSWORD"])
