"""One hand: the keeper alone writes to Keycloak and mails passwords; everything else changes what is wanted."""

import ast
from pathlib import Path

from provisioning.ports.directory import Directory

PROVISIONING = Path(__file__).parents[2] / "provisioning"
READING = {"find", "see", "must_change_password", "recent_password_changes", "customers", "login_events", "console_events"}
WRITING = {name for name in vars(Directory) if not name.startswith("_")} - READING
KEEPER = PROVISIONING / "use_cases" / "account" / "keep_account.py"
ITS_ACTS = KEEPER.parent / "keeper"
IN_KEYCLOAK, PASSWORDS = ITS_ACTS / "in_keycloak.py", ITS_ACTS / "passwords.py"


def calls(path: Path, of: str) -> set[str]:
    """Names of the methods that a file calls on something named so, such as `services.directory.create`."""
    return {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == of
    }


def test_only_the_keeper_writes_to_keycloak() -> None:
    others = {path: calls(path, "directory") & WRITING for path in PROVISIONING.rglob("*.py") if path != IN_KEYCLOAK}
    assert {path.name: found for path, found in others.items() if found and "adapters" not in path.parts} == {}
    assert calls(IN_KEYCLOAK, "directory") >= WRITING


def test_only_the_keeper_can_derive_a_temporary_password() -> None:
    users = [path for path in PROVISIONING.rglob("*.py") if "derive" in calls(path, "keys")]
    assert users == [PASSWORDS]


def test_nobody_else_reaches_for_an_act_of_the_keeper() -> None:
    others = [path for path in PROVISIONING.rglob("*.py") if path != KEEPER and path.parent != ITS_ACTS]
    assert [path.name for path in others if "use_cases.account.keeper" in path.read_text()] == []
