"""The tests' own order: what two of them need lives in tests/support."""

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
