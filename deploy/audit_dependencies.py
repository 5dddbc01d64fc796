"""Asks for known weaknesses of the locked dependencies; without a network it says so and lets the check go on.

`python -m deploy.audit_dependencies [--must-answer]`. Exit 0: none known, or no answer; 1: some are known; 2: with
`--must-answer`, as before a release, no answer, or none for some of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

_LOCK = Path(__file__).parents[1] / "requirements-dev.lock"
_SECONDS = 300
_console = Console(stderr=True)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--must-answer", action="store_true")
    must_answer = asked.parse_args().must_answer
    found, unknown = weaknesses(_report())
    for line in found:
        _console.print(line, style="red", highlight=False, markup=False)
    if unknown:
        _console.print(f"No answer about {unknown}: they were not audited.", style="yellow", highlight=False)
    else:
        _console.print(f"{len(found)} known weaknesses in requirements-dev.lock.")
    if found:
        return 1
    return 2 if unknown and must_answer else 0


def weaknesses(report: dict[str, Any] | None) -> tuple[list[str], str]:
    """One line a weakness; and what there was no answer about, empty when there was one about everything.

    Args:
        report: what pip-audit says in JSON; None when it said nothing. A dependency that the asked index does not know is in
            it with a `skip_reason`: that is no answer, and must not pass for a good one.
    """
    dependencies = (report or {}).get("dependencies", [])
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    found = [
        f"{each['name']} {each.get('version', '?')}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for each in dependencies
        for weakness in each.get("vulns", [])
    ]
    if not dependencies or len(skipped) == len(dependencies):
        return found, "any dependency"
    return found, ", ".join(skipped)


def _report() -> dict[str, Any] | None:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(_LOCK), "--disable-pip", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


if __name__ == "__main__":
    sys.exit(main())
