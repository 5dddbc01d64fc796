"""`make bench`: every measurement on one stack, each figure beside its goal, written to bench/results/.

`make bench ONLY=accounts` measures one part, `ONLY="accounts pages"` two. All ratios are taken within one run on one machine,
the sides in turn.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import accounts, pages, queue, reconcile
from tests.bench.figures import Measured
from tests.support.stack import stack_for_tests
from tests.support.world import World

PARTS: dict[str, Callable[[World], Measured]] = {
    "accounts": accounts.measure,
    "pages": pages.measure,
    "reconcile": lambda world: reconcile.measure(world, 5000),
    "queue": lambda world: queue.measure(world, (1000, 1_000_000)),
}
RESULTS = Path(__file__).parents[2] / "bench" / "results"
_console = Console()


def main(wanted: list[str]) -> int:
    """Measure the parts that are named, all of them when none is; 2 when one is not known."""
    if unknown := [name for name in wanted if name not in PARTS]:
        _console.print(f"Not known: {', '.join(unknown)}. There are {', '.join(PARTS)}.", style="red")
        return 2
    with tempfile.TemporaryDirectory(prefix="ibok-bench-") as folder:
        Path(folder).chmod(0o755)
        stack = stack_for_tests(Path(folder), _console)
        stack.start()
        try:
            world = World(stack.state / "stack.json")
            found = {name: PARTS[name](world) for name in wanted or PARTS}
        finally:
            stack.stop()
    tell(found)
    write(found)
    return 0


def tell(found: dict[str, Measured]) -> None:
    """The table of figures and goals."""
    table = Table("part", "figure", "what", "measured", "goal", "met")
    for part, measured in found.items():
        for each in measured.figures:
            table.add_row(part, each.key, each.what, f"{each.value:.3g}", each.goal, "yes" if each.met else "[red]NO[/]")
    _console.print(table)


def write(found: dict[str, Measured]) -> None:
    """The figures, and everything they were reckoned from, with what the machine was busy with."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    target = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    machine = {"platform": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()}
    parts = {
        name: {
            "figures": {
                each.key: {"what": each.what, "value": each.value, "goal": each.goal, "met": each.met} for each in m.figures
            },
            **m.detail,
        }
        for name, m in found.items()
    }
    target.write_text(json.dumps({"machine": machine, **parts}, indent=2) + "\n")
    _console.print(f"Written to {target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
