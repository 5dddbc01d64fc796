"""One tree of errors: each says its code, its status and whether a retry helps, and every door answers with that."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import provisioning
from provisioning.adapters.files.contained import ContainedFailure
from provisioning.adapters.files.virus_scan import ScannerGone
from provisioning.adapters.postgres.troubles import Collision, DatabaseGone
from provisioning.api.problems import api_error
from provisioning.domain.errors import DomainError, FieldError, Forbidden, Invalid, NotFound, NotPossible, TooSoon
from provisioning.ports.directory import DirectoryTrouble

SAMPLES = [
    (NotPossible("stale_version", "Somebody was quicker."), 409, "stale_version", None),
    (Forbidden("no"), 403, "insufficient_scope", None),
    (NotFound("2026/000001-1"), 404, "not_found", None),
    (TooSoon(40), 429, "too_soon", "40"),
    (Invalid([FieldError("email", "invalid_email")]), 422, "invalid_email", None),
    (ScannerGone("clamd"), 503, "virus_scan_unavailable", "30"),
    (ContainedFailure("busy"), 503, "busy", "5"),
    (ContainedFailure("crash"), 500, "internal_error", None),
    (DatabaseGone("gone"), 503, "database_unavailable", "30"),
    (Collision("deadlock"), 503, "database_busy", "3"),
    (DirectoryTrouble("keycloak_unavailable", retry=True), 503, "keycloak_unavailable", "30"),
]


def classes(of: type[DomainError]) -> Iterator[type[DomainError]]:
    for each in of.__subclasses__():
        yield each
        yield from classes(each)


@pytest.mark.parametrize(("error", "status", "code", "retry"), SAMPLES, ids=lambda each: type(each).__name__)
def test_the_api_answers_what_the_error_says(error: DomainError, status: int, code: str, retry: str | None) -> None:
    with Flask("test").test_request_context("/api/v1/x"):
        answer = api_error(error)
    assert (answer.status_code, answer.json["code"], answer.headers.get("Retry-After")) == (status, code, retry)
    assert answer.json["type"] == f"urn:ibok:problem:{code}"
    if status == 500:
        assert "crash" not in answer.json["detail"]


def test_every_error_of_ours_hangs_in_the_tree_and_an_outage_says_when_to_come_back() -> None:
    for module in pkgutil.walk_packages(provisioning.__path__, "provisioning."):
        if "migrations" not in module.name:
            importlib.import_module(module.name)
    found = set(classes(DomainError))
    assert {ScannerGone, ContainedFailure, DatabaseGone, DirectoryTrouble} <= found
    for each in found:
        assert each.status in (401, 403, 404, 409, 422, 429, 500, 503), each
        assert each.status != 503 or each is DirectoryTrouble or each.retry_after is not None, each


def test_no_trouble_grows_beside_the_tree() -> None:
    """Exceptions that stay within one module may; whatever a use case or a door can meet may not."""
    beside = {"LeftBehind", "TryLater"}  # a count for the log, and a wish to the queue
    found = set()
    for path in Path(provisioning.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found |= {node.name for base in node.bases if isinstance(base, ast.Name) and base.id == "Exception"}
    assert found == {"DomainError"} | beside


def test_a_status_is_never_read_out_of_words() -> None:
    project = Path(provisioning.__file__).parents[1]
    for path in (path for package in ("ibok_idp", "provisioning", "webapp") for path in (project / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                assert not (node.left.value.isdigit() and len(node.left.value) == 3), f"{path}:{node.lineno}"
