"""The queue: procrastinate, in the same PostgreSQL, so that a job is deferred with the change it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import procrastinate
from procrastinate import App, SyncPsycopgConnector

from provisioning.domain.errors import Outage

JOBS = "default"  # procrastinate's own name for the queue of everything that names none
DUTIES = "duties"  # the periodic duties, which no job keeps waiting


class JobQueue:
    """Defers jobs by name on a connection that is in a transaction."""

    def __init__(self) -> None:
        self._app = App(connector=SyncPsycopgConnector())

    def defer(self, connection: Any, task: str, **arguments: str) -> None:
        job = self._app.configure_task(task, connection=connection)
        job.defer(**arguments)

    def take_back(self, connection: Any, task: str, argument: str, values: Sequence[str]) -> None:
        """Delete the jobs of one task whose argument has one of these values, unless a worker has begun them."""
        connection.execute(
            "DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND task_name = %s "
            "AND args->>%s = ANY(%s) FOR UPDATE SKIP LOCKED)",
            (task, argument, list(values)),
        )


class TryLater(Exception):
    """The job is not done; try again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


class GrowingPauses(procrastinate.BaseRetryStrategy):
    """Retry for ever: after the pause the job asked for, or, for an error nobody foresaw, after growing ones."""

    def get_retry_decision(self, *, exception: BaseException, job: procrastinate.jobs.Job) -> procrastinate.RetryDecision:
        if isinstance(exception, TryLater):
            seconds = exception.seconds
        else:  # an outage is asked about soon and often, what nobody foresaw ever more seldom
            longest = 15 if isinstance(exception, Outage) else 900
            seconds = min(longest, 5 * 2 ** min(job.attempts, 8))
        return procrastinate.RetryDecision(retry_in={"seconds": int(seconds)})
