"""What staff do with an application through the API, for tests on the real parts."""

from __future__ import annotations

from typing import Any

from provisioning.domain.rights import Role
from tests.support.world import World, paper_body


def entered(world: World, **changes: Any) -> dict[str, Any]:
    body = paper_body(**changes)
    answer = world.call("POST", "/staff/applications", world.staff_token("clerk"), json=body)
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "email": body["email"]}


def history(world: World, reference: str) -> list[dict[str, Any]]:
    detail: dict[str, Any] = world.call("GET", f"/staff/applications/{reference}", world.staff_token("auditor")).json()
    return list(detail["history"])


def details(world: World, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = world.call("GET", f"/staff/applications/{reference}", world.staff_token("clerk")).json()
    return found


def act(world: World, reference: str, name: str, who: str = "registrar", **body: Any) -> Any:
    version = details(world, reference)["version"]
    return world.call("POST", f"/staff/applications/{reference}/{name}", world.staff_token(who), json={"version": version, **body})


USERNAMES = {Role.CLERK: "clerk", Role.REGISTRAR: "registrar", Role.MANAGER: "manager", Role.AUDITOR: "auditor"}
