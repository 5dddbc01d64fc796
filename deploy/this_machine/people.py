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

    def log_in(self, visitor: Visitor, url: str) -> Page:
        """Password, then the code. Keycloak takes no code twice, so the next one is waited for."""
        page = visitor.send(visitor.open(url), {"username": self.username, "password": self.password})
        while (step := int(time.time()) // _PERIOD_SECONDS) <= self._used:
            time.sleep(0.5)
        self._used = step
        return visitor.send(page, {"otp": self.code.at(time.time())})

    def end_sessions(self) -> None:
        """As IT does in the console: Sessions, Sign out."""
        self.admin.user_logout(self.user_id)


def make_employee(machine: Machine, role: str) -> Employee:
    """Make a member of staff with this role and a one-time code."""
    values = dotenv_values(machine.root / "etc/ibok/realm.env", interpolate=False)
    username, password = (str(values[f"IBOK_KEYCLOAK_ADMIN_{name}"]) for name in ("USERNAME", "PASSWORD"))
    master = KeycloakAdmin(server_url=machine.login, username=username, password=password, realm_name="master", timeout=60)
    master.connection.realm_name = "ibok"
    own = f"Rzeka {secrets.token_hex(4)} Odra 7"
    employee = f"{role}-{secrets.token_hex(3)}"
    user_id = master.create_user(
        {
            "username": employee,
            "enabled": True,
            "firstName": "Olga",
            "lastName": "Test",
            "email": f"{employee}@example.com",
            "credentials": [{"type": "password", "value": own, "temporary": False}],
        }
    )
    master.assign_realm_roles(user_id, [master.get_realm_role(role)])
    code = OneTimeCode.new()
    RealmServer(machine.login, username, password).give_second_factor(user_id, code.credential("test"))
    return Employee(employee, own, code, master, user_id)
