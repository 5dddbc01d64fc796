"""The audit of dependencies: no answer is never taken for a good one."""

from typing import Any

import pytest

from deploy.audit_dependencies import weaknesses

GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
WEAK = {"name": "jinja2", "version": "2.10.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}]}
UNKNOWN = {"name": "typst", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("report", "found", "unknown"),
    [
        ({"dependencies": [GOOD]}, [], ""),
        ({"dependencies": [GOOD, WEAK]}, ["jinja2 2.10.1: PYSEC-1, mended in 3.1.6"], ""),
        ({"dependencies": [GOOD, UNKNOWN]}, [], "typst"),
        ({"dependencies": [UNKNOWN]}, [], "any dependency"),
        ({"dependencies": []}, [], "any dependency"),
        (None, [], "any dependency"),
    ],
)
def test_what_is_weak_is_named_and_so_is_what_nobody_answered_about(report: Any, found: list[str], unknown: str) -> None:
    assert weaknesses(report) == (found, unknown)
