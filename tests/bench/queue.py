"""The staff queue at 1,000 and at 1,000,000 applications: server time of its first page, of any filter and any search.

Invented applications (`ibok-provisioning generate-demo`) fill a database of their own on the stack's PostgreSQL; the API's
view is called in this process, over PostgreSQL, without the network and the login. `python -m tests.bench.queue 50000`
measures another number.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from provisioning.api import present
from provisioning.domain.application import OPEN
from provisioning.http import queue_filter
from provisioning.web import create_app
from tests.bench.figures import Figure, Measured
from tests.support.own_database import own_database
from tests.support.stack import stack_for_tests
from tests.support.world import World

_console = Console()
_OPEN = ",".join(sorted(status.value for status in OPEN))
# Every filter, order and kind of search of the page; `{…}` is taken from an application that is there.
ASKED: dict[str, dict[str, str]] = {
    "first page": {"status": _OPEN},
    "everything": {},
    "one status": {"status": "registered"},
    "rare status": {"status": "withdrawn"},
    "unconfirmed": {"status": "unconfirmed"},
    "channel": {"channel": "email"},
    "channel, open": {"channel": "email", "status": _OPEN},
    "overdue": {"status": _OPEN, "due_before": "{today}"},
    "handled by nobody here": {"assignee": "clerk"},
    "handled by nobody": {"unassigned": "true"},
    "by name": {"sort": "name"},
    "by name, open, descending": {"sort": "name", "order": "desc", "status": _OPEN},
    "by filing": {"sort": "filed", "order": "desc"},
    "by number": {"sort": "number", "order": "desc"},
    "second page": {"cursor": "{cursor}"},
    "name of many": {"q": "anna"},
    "name of many, open": {"q": "anna", "status": _OPEN},
    "first and last name": {"q": "{name}"},
    "beginning of a name": {"q": "kowal"},
    "mistyped name": {"q": "kowalcyzk"},
    "mistyped, two words": {"q": "jozefa zdzbol"},
    "nobody": {"q": "xyzabc"},
    "reference": {"q": "{reference}"},
    "customer number": {"q": "{customer_number}"},
    "beginning of a number": {"q": "401182"},
    "e-mail": {"q": "{email}"},
    "telephone": {"q": "{phone}"},
    "search by name in one channel": {"q": "nowak", "channel": "post", "sort": "filed"},
}


def measure(world: World, sizes: tuple[int, int], rounds: int = 20) -> Measured:
    """p95 in milliseconds of each question at both sizes, and their ratio."""
    present_count, found = 0, dict[int, dict[str, float]]()
    with own_database(world, staff_client_secret="x" * 32, session_key="x" * 40) as own:
        app = create_app(own.wired.settings, own.wired)
        for size in sizes:
            began = time.perf_counter()
            own.fill(size - present_count)
            own.sql("VACUUM ANALYZE applications, search_names")
            _console.print(f"{size} applications, {size - present_count} of them written in {time.perf_counter() - began:.0f} s")
            present_count = size
            found[size] = _timed(app, own.services, rounds)
    return _told(found, sizes)


def _timed(app: Any, services: Any, rounds: int) -> dict[str, float]:
    with services.work() as work:
        page = work.applications.page(queue_filter_in(app, {}))
    one = page.applications[-1]
    filled = {
        "{today}": services.clock.today().isoformat(),
        "{cursor}": page.next_cursor or "",
        "{reference}": one.reference,
        "{customer_number}": one.data["customer_number"],
        "{email}": one.data["email"],
        "{phone}": one.data["phone"],
        "{name}": " ".join(one.contact_person),
    }
    times: dict[str, list[float]] = {name: [] for name in ASKED}
    for number in range(rounds + 2):
        for name, asked in ASKED.items():
            arguments = {key: filled.get(value, value) for key, value in asked.items()}
            began = time.perf_counter()
            with app.app_context(), services.work() as work:
                present.page(work.applications.page(queue_filter_in(app, arguments)), services.clock.today())
                work.applications.tiles("clerk", services.clock.today(), services.clock.now())
            if number > 1:
                times[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.quantiles(values, n=20)[18] for name, values in times.items()}


def queue_filter_in(app: Any, arguments: dict[str, str]) -> Any:
    now = app.extensions["ibok_wired"].services.clock.now()
    return queue_filter(arguments, [arguments["status"]] if "status" in arguments else [], now)


def _told(found: dict[int, dict[str, float]], sizes: tuple[int, int]) -> Measured:
    small, large = sizes
    table = Table("question", f"p95 at {small}", f"p95 at {large}", "ratio")
    for name in ASKED:
        a, b = found[small][name], found[large][name]
        table.add_row(name, f"{a:.1f} ms", f"{b:.1f} ms", f"{b / a:.2f}")
    worst = max(ASKED, key=lambda name: found[large][name])
    ratio = statistics.median(found[large][name] / found[small][name] for name in ASKED)
    _console.print(table)
    _console.print(
        f"worst at {large}: {worst}, {found[large][worst]:.1f} ms (goal: under 100); median ratio {ratio:.2f} (goal: under 3)"
    )
    slower = sum(found[large][name] / found[small][name] >= 3 for name in ASKED)
    return Measured(
        [
            Figure("worst", f"slowest question of the queue at {large}, p95, ms", found[large][worst], most=100),
            Figure("ratio", f"questions three times slower than at {small}", slower, most=0),
        ],
        {"sizes": sizes, "p95, ms": {str(size): found[size] for size in sizes}},
    )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="ibok-bench-") as folder:
        Path(folder).chmod(0o755)
        stack = stack_for_tests(Path(folder), _console)
        stack.start()
        try:
            measure(World(stack.state / "stack.json"), (1000, count))
        finally:
            stack.stop()
