"""The order of the house: no module too long to read, and what two tests need lives in tests/support."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(TESTS)))
def test_no_module_imports_a_module_of_tests(module: Path) -> None:
    names = imported(ast.parse(module.read_text()))
    assert [name for name in names if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))] == []


CODE = sorted(
    path
    for package in ("ibok_idp", "provisioning", "webapp", "deploy", "faults", "bench", "examples")
    for path in (TESTS.parent / package).rglob("*.py")
)


@pytest.mark.parametrize("module", CODE, ids=lambda module: str(module.relative_to(TESTS.parent)))
def test_no_module_of_code_is_longer_than_400_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 400
