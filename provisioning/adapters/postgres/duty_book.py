"""What the worker's periodic duties came to, in a small table that every process can read.

All times are PostgreSQL's, so that workers and readers on machines whose clocks differ agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

HEARTBEAT = "heartbeat"  # the duty that does nothing but show that the worker lives
_SILENT = "60 seconds"
_STUCK = "10 minutes"  # past the time of the next round: no round takes so long


@dataclass(frozen=True)
class DutyState:
    """How one duty stands.

    Attributes:
        failures: rounds in a row that failed.
        error: kind of the last failure; never its words, which may name a person.
        next_at: when it is tried again.
        stuck: its round should have ended long ago.
    """

    name: str
    tried_at: datetime
    succeeded_at: datetime | None
    failing_since: datetime | None
    failures: int
    error: str | None
    next_at: datetime
    stuck: bool

    @property
    def fails(self) -> bool:
        return self.failing_since is not None or self.stuck


@dataclass(frozen=True)
class Worker:
    """How the worker stands, as others see it.

    Attributes:
        silent_since: None while it gives signs of life.
        never_seen: no worker has run on this database yet.
        failing: duties that fail or hang; empty while the worker is silent, for then none is carried out.
    """

    silent_since: datetime | None
    never_seen: bool
    failing: list[DutyState]

    @property
    def well(self) -> bool:
        return not (self.silent_since or self.never_seen or self.failing)


class DutyBook:
    """Reads and writes the table.

    Raises (every method):
        SQLAlchemyError: the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def done(self, name: str, pause: timedelta) -> None:
        """A round went well; the next one comes after `pause`."""
        self._write(
            "INSERT INTO duties (name, tried_at, succeeded_at, next_at) VALUES (:name, now(), now(), now() + :pause) "
            "ON CONFLICT (name) DO UPDATE SET tried_at = now(), succeeded_at = now(), failing_since = NULL, failures = 0, "
            "error = NULL, next_at = now() + :pause",
            name=name,
            pause=pause,
        )

    def failed(self, name: str, error: str, pause: timedelta) -> None:
        """A round failed; it is tried again after `pause`."""
        self._write(
            "INSERT INTO duties (name, tried_at, failing_since, failures, error, next_at) "
            "VALUES (:name, now(), now(), 1, :error, now() + :pause) "
            "ON CONFLICT (name) DO UPDATE SET tried_at = now(), failing_since = coalesce(duties.failing_since, now()), "
            "failures = duties.failures + 1, error = :error, next_at = now() + :pause",
            name=name,
            error=error,
            pause=pause,
        )

    def failures(self, name: str) -> tuple[int, bool]:
        """How many rounds in a row have failed, and whether the pause after the last one has passed."""
        with self._engine.connect() as connection:
            statement = text("SELECT failures, failures = 0 OR next_at <= now() AS over FROM duties WHERE name = :name")
            row = connection.execute(statement, {"name": name}).first()
        return (row.failures, row.over) if row else (0, True)

    def keep_only(self, names: list[str]) -> None:
        """Forget duties that this version does not know any more."""
        self._write("DELETE FROM duties WHERE NOT name = ANY(:names)", names=names)

    def states(self) -> list[DutyState]:
        with self._engine.connect() as connection:
            statement = text(f"SELECT *, next_at < now() - interval '{_STUCK}' AS stuck FROM duties ORDER BY name")  # noqa: S608
            return [DutyState(**row) for row in connection.execute(statement).mappings()]

    def worker(self) -> Worker:
        with self._engine.connect() as connection:
            statement = f"SELECT max(tried_at) AS seen, max(tried_at) < now() - interval '{_SILENT}' AS silent FROM duties"  # noqa: S608
            seen, silent = connection.execute(text(f"{statement} WHERE name = :name"), {"name": HEARTBEAT}).one()
        if seen is None or silent:
            return Worker(seen, seen is None, [])
        return Worker(None, False, [each for each in self.states() if each.fails])

    def _write(self, statement: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), values)
