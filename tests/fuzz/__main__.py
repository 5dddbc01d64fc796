"""`make fuzz`: hostile input at every door, held to three promises.

    python -m tests.fuzz [--seed S] [--count N] [--minutes M] [--short] [--parts calls,forms] [--save]

No answer is a server error (but for a 503 that says when to come again), none takes longer than 30 s, and nothing is changed by what is
refused. The seed is printed; the same one makes the same input. Runs on a stack of its own, or on the one that IBOK_TEST_STACK names:
there it leaves alone what would touch the work of others.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import platform
import random  # noqa: TID251  # the seed itself
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from provisioning.form.catalogue import all_versions
from provisioning.wiring import wire
from tests.fuzz import calls, doors, forms, mutated_csv, mutated_files, mutated_mails
from tests.fuzz.calls import Things
from tests.fuzz.judge import Judge, Part, Until, own_address
from tests.support.stack import stack_for_tests
from tests.support.world import World

RESULTS = Path(__file__).parent / "results"
WEIGHTS = {"calls": 8, "forms": 6, "uploads": 2, "files": 2, "mails": 1, "csv": 1}  # shares of the time
_PORTION = 100
_SHORT = (2, 1.0)
_console = Console(width=150)


class Campaign:
    """One run on one stack.

    Args:
        count: examples for every call and every form; the other parts are multiples of it.
        alone: nobody else works on this stack.
    """

    def __init__(self, world: World, seed: int, count: int, minutes: float, *, alone: bool) -> None:
        self._world, self._seed, self._count, self._alone = world, seed, count, alone
        self._end = time.monotonic() + minutes * 60
        self._parts: dict[str, Callable[[Part, Until], None]] = {
            "calls": self._calls,
            "forms": self._forms,
            "uploads": self._uploads,
            "files": self._files,
            "mails": self._mails,
            "csv": self._csv,
        }

    def run(self, names: list[str], say: Callable[[str], None] = lambda words: None) -> list[Part]:
        """The parts in order; what one leaves of its time goes to those after it."""
        found = []
        for number, name in enumerate(names):
            share = WEIGHTS[name] / sum(WEIGHTS[each] for each in names[number:])
            began = time.monotonic()
            part = Part(name)
            try:
                self._parts[name](part, Until(max(0.0, self._end - began) * share))
            except Exception as error:  # the parts after it are run all the same
                part.broken.append(f"the part ended by itself: {''.join(traceback.format_exception(error))[-600:]}")
            part.seconds = time.monotonic() - began
            found.append(part)
            say(f"{name}: {part.count} in {part.seconds:.0f} s, {len(part.broken)} broken")
            for words in part.broken[:20]:
                say(f"BROKEN {words}")
        return found

    def _calls(self, part: Part, until: Until) -> None:
        with self._judge(part) as judge:
            calls.run(judge, self._real_things(), self._seed, self._count, until)

    def _forms(self, part: Part, until: Until) -> None:
        with self._judge(part) as judge:
            forms.run(judge, self._real_things(), self._seed, self._count, until, alone=self._alone)

    def _uploads(self, part: Part, until: Until) -> None:
        with self._judge(part) as judge:
            open_one = self._world.filed()
            doors.run(judge, open_one["reference"], open_one["status_token"], self._seed, self._count * 10, until)

    def _files(self, part: Part, until: Until) -> None:
        for first in range(0, self._count * 100, _PORTION):
            if until.over:
                return
            found = mutated_files.run(_PORTION, self._seed + first)
            part.took(found.slowest)
            for (_, outcome), number in found.counts.items():
                part.answers[outcome] += number
            part.broken += [f"seed {self._seed + first}, number {number} ({kind}): {error}" for number, kind, error in found.errors]

    def _mails(self, part: Part, until: Until) -> None:
        for first in range(0, self._count * 100, _PORTION):
            if until.over:
                return
            found = mutated_mails.run(_PORTION, self._seed + first)
            part.took(found.slowest)
            part.answers += found.outcomes
            part.broken += [f"seed {self._seed + first}, {words}" for words in found.broken]

    def _csv(self, part: Part, until: Until) -> None:
        settings = self._world.settings()
        wired = wire(settings)
        form = all_versions()["2026-1"]
        mutated_csv.run(
            part, wired.engine, form, wired.checker(), settings.customer_number_pattern, self._seed, self._count * 50, until
        )

    @contextmanager
    def _judge(self, part: Part) -> Iterator[Judge]:
        judge = Judge(self._world, part, own_address(self._seed))
        try:
            yield judge
        finally:
            judge.close()

    def _real_things(self) -> Things:
        """An open application, an account for staff to work on, and a customer; anew for each part, which may close them."""
        open_one, account, customer = self._world.filed(), self._world.registered(), self._world.active()
        return Things(open_one["reference"], open_one["status_token"], account["login"], (customer["login"], customer["own"]))


def report(parts: list[Part], console: Console = _console) -> None:
    table = Table("part", "sent", "answers", "slowest s", "seconds", "unclear", "broken")
    for part in parts:
        answers = ", ".join(f"{kind} {number}" for kind, number in sorted(part.answers.items()))
        table.add_row(
            part.name,
            str(part.count),
            answers,
            f"{part.slowest:.1f}",
            f"{part.seconds:.0f}",
            str(part.unclear),
            str(len(part.broken)),
        )
    console.print(table)


def save(parts: list[Part], seed: int, count: int, minutes: float) -> Path:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    file = RESULTS / f"{now:%Y-%m-%dT%H%M}-{seed}.json"
    head = {
        "seed": seed,
        "count": count,
        "minutes": minutes,
        "at": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
    }
    file.write_text(
        json.dumps(
            {**head, "cores": os.cpu_count(), "parts": [{**vars(part), "answers": dict(part.answers)} for part in parts]},
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )
    return file


def _say(words: str) -> None:
    _console.print(f"… {words}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _stack() -> Iterator[tuple[World, bool]]:
    if shared := os.environ.get("IBOK_TEST_STACK"):
        yield World(Path(shared)), False
        return
    with tempfile.TemporaryDirectory(prefix="ibok-fuzz-") as folder:
        Path(folder).chmod(0o755)
        stack = stack_for_tests(Path(folder), _console)
        stack.start()
        threading.Thread(target=stack.watch, daemon=True).start()
        try:
            yield World(stack.state / "stack.json"), True
        finally:
            stack.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument(
        "--count", type=int, default=25, help="examples for every call and form; files and mails are 100 times as many"
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--short", action="store_true", help="--count 2 --minutes 1")
    parser.add_argument("--parts", default=",".join(WEIGHTS), help="some of %(default)s")
    parser.add_argument("--save", action="store_true", help="write tests/fuzz/results/")
    asked = parser.parse_args()
    count, minutes = _SHORT if asked.short else (asked.count, asked.minutes)
    names = asked.parts.split(",")
    if unknown := set(names) - set(WEIGHTS):
        parser.error(f"no part {', '.join(sorted(unknown))}")
    _console.print(f"seed {asked.seed}, count {count}, at most {minutes:g} minutes")
    with _stack() as (world, alone):
        faulthandler.dump_traceback_later(minutes * 60 + 600, exit=True)  # a reader of this process that hangs ends the run as well
        parts = Campaign(world, asked.seed, count, minutes, alone=alone).run(names, _say)
        faulthandler.cancel_dump_traceback_later()
    report(parts)
    if asked.save:
        _console.print(f"written: {save(parts, asked.seed, count, minutes)}")
    return 1 if any(part.broken or not part.count for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
