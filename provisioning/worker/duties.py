"""The worker's periodic duties: each a keeper of its own, which stops no other and is stopped by none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from provisioning.adapters.postgres.duty_book import DutyBook
from provisioning.domain.errors import Outage
from provisioning.ports.directory import DirectoryTrouble
from provisioning.use_cases.one_by_one import LeftBehind

_log = structlog.get_logger()
_SECONDS_BETWEEN_NOTES = 10  # a duty of every two seconds need not write each of its rounds down
_LONGEST_ROUNDS = 15  # a pause grows to so many rounds, but at least to a minute
_LONGEST_PAUSE_OF_AN_OUTAGE = timedelta(seconds=15)  # to ask whether it is over costs nothing


@dataclass(frozen=True)
class Duty:
    """What is done again and again.

    Attributes:
        name: as logs, metrics, the task page and `doctor` call it.
        every: from the end of one round to the beginning of the next.
        do: one round. It may raise anything.
    """

    name: str
    every: timedelta
    do: Callable[[], object]

    @property
    def longest_pause(self) -> timedelta:
        return max(timedelta(minutes=1), _LONGEST_ROUNDS * self.every)

    def pause_after(self, failures: int) -> timedelta:
        """Growing: a round, two, four … up to the longest pause."""
        return min(self.longest_pause, self.every * int(2 ** min(failures, 10)))


class DutyMetrics:
    """The numbers of one worker process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ["duty"]
        self.rounds = Counter("ibok_duty_rounds", "Rounds of a duty by outcome", [*names, "outcome"], registry=registry)
        self.failing = Gauge("ibok_duty_failing", "1 while the last round of a duty failed", names, registry=registry)
        self.succeeded = Gauge("ibok_duty_last_success_seconds", "When a round last went well", names, registry=registry)


class Keeper:
    """Carries out one duty and writes down what came of it."""

    def __init__(self, duty: Duty, book: DutyBook, metrics: DutyMetrics) -> None:
        self.duty = duty
        self._book, self._metrics = book, metrics
        self._failures = 0
        self._noted = float("-inf")
        metrics.failing.labels(duty.name).set(0)

    def round(self) -> timedelta:
        """One round; never raises. How long to wait before the next one."""
        try:
            self.duty.do()
        except LeftBehind as left:  # the others are done: no reason to make them wait
            return self._failed(left, f"LeftBehind ({left.count})", self.duty.every)
        except (Outage, DirectoryTrouble) as away:
            kind = f"Keycloak ({away.kind})" if isinstance(away, DirectoryTrouble) else type(away).__name__
            return self._failed(away, kind, min(self.duty.pause_after(self._failures + 1), _LONGEST_PAUSE_OF_AN_OUTAGE))
        except Exception as error:
            return self._failed(error, type(error).__name__, self.duty.pause_after(self._failures + 1))
        if self._failures:
            _log.info("duty.goes_on", duty=self.duty.name, after_failures=self._failures)
        self._count("done", failing=False)
        self._metrics.succeeded.labels(self.duty.name).set_to_current_time()
        if self._failures or time.monotonic() - self._noted >= _SECONDS_BETWEEN_NOTES:
            self._note(lambda: self._book.done(self.duty.name, self.duty.every))
        self._failures = 0
        return self.duty.every

    def round_when_due(self) -> None:
        """For duties whose time the queue keeps, for all workers together: a round, unless one of them has to pause."""
        try:
            self._failures, over = self._book.failures(self.duty.name)
        except SQLAlchemyError:
            over = True  # the round will tell
        if over:
            self.round()

    def _failed(self, error: Exception, kind: str, pause: timedelta) -> timedelta:
        self._failures += 1
        _log.error(
            "duty.failed",
            duty=self.duty.name,
            kind=kind,
            failures=self._failures,
            again_in_seconds=pause.total_seconds(),
            exc_info=error,
        )
        self._count("failed", failing=True)
        self._note(lambda: self._book.failed(self.duty.name, kind, pause))
        return pause

    def _count(self, outcome: str, *, failing: bool) -> None:
        self._metrics.rounds.labels(self.duty.name, outcome).inc()
        self._metrics.failing.labels(self.duty.name).set(failing)

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
            self._noted = time.monotonic()
        except SQLAlchemyError as error:
            _log.warning("duty.not_noted", duty=self.duty.name, why=type(error).__name__)


async def keep(keeper: Keeper, stopping: asyncio.Event) -> None:
    """Round after round until the worker stops, in a thread, so that a round that hangs holds up nobody else."""
    while not stopping.is_set():
        pause = await asyncio.to_thread(keeper.round)
        await wait(stopping, pause.total_seconds())


async def wait(stopping: asyncio.Event, seconds: float) -> None:
    """So many seconds, or until the worker stops."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
