"""One transaction a `Work`: opened, committed whole or not at all, tried again after a collision."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from cryptography.fernet import Fernet
from procrastinate.exceptions import ConnectorException
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from provisioning.adapters.postgres.account import PostgresAccounts, PostgresPasswordResets
from provisioning.adapters.postgres.account_records import (
    PostgresAccountEvents,
    PostgresChangeRequests,
    PostgresEmailChanges,
    PostgresErasures,
    PostgresIncidents,
)
from provisioning.adapters.postgres.application import PostgresApplications
from provisioning.adapters.postgres.audit import PostgresAudit
from provisioning.adapters.postgres.desk import PostgresCases, PostgresDesk
from provisioning.adapters.postgres.documents import PostgresDocuments
from provisioning.adapters.postgres.idempotency import PostgresIdempotency
from provisioning.adapters.postgres.intake import PostgresIntake
from provisioning.adapters.postgres.mails_under_way import PostgresMailsUnderWay
from provisioning.adapters.postgres.messages import PostgresDigests, PostgresMails
from provisioning.adapters.postgres.news import PostgresDeliveries, PostgresNews
from provisioning.adapters.postgres.register import PostgresRegister
from provisioning.adapters.postgres.reports import PostgresReports
from provisioning.adapters.postgres.retention import PostgresRetention
from provisioning.adapters.postgres.terms import PostgresFormActivations, PostgresTerms
from provisioning.adapters.postgres.troubles import Collision, DatabaseTrouble, told_apart
from provisioning.adapters.postgres.unasked_mails import PostgresUnaskedMails
from provisioning.ports.work import Work

_Thing = TypeVar("_Thing")


class SecondTransaction(RuntimeWarning):
    """Two connections for one thread: with all of them taken, every thread waits for another. Tests make it an error."""


class Jobs(Protocol):
    """Defers jobs on a given database connection."""

    def defer(self, connection: Any, task: str, **arguments: str) -> None: ...
    def take_back(self, connection: Any, task: str, argument: str, values: Sequence[str]) -> None: ...


class PostgresWork:
    """Opens transactions; `with work() as w:` commits at the end or leaves everything as it was.

    Args:
        locks: where the locks of `only_one` take their connections. Apart from those of the transactions: else every
            connection may be taken by a lock whose holder waits for a second one.

    Raises (every method):
        DatabaseTrouble: one of its kinds. Invalid: a value that PostgreSQL cannot hold.
    """

    _PAUSES = (0.05, 0.2, 0.5)  # seconds before a collision is tried again

    def __init__(
        self, engine: Engine, fernet: Fernet, fingerprint: Callable[[str], str], jobs: Jobs, locks: Engine | None = None
    ) -> None:
        self._engine, self._fernet, self._fingerprint, self._jobs = engine, fernet, fingerprint, jobs
        self._locks = locks or engine
        self._here = _Here()
        event.listen(engine, "before_cursor_execute", _note_writing)

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        outer = self._here.work
        if outer is not None:
            words = "A second transaction is opened while this thread has one open: pass `work` on, or open it before."
            warnings.warn(words, SecondTransaction, stacklevel=3)
        committing = False
        try:
            with self._engine.connect() as connection:
                connection.info.pop(WROTE, None)
                connection.begin()  # by itself it would begin with its own first statement, and the queue's may be the only one
                work = _Transaction(connection, self._fernet, self._fingerprint, self._jobs)
                self._here.work = work
                try:
                    yield work
                    work.audit.flush()
                    work.news.flush()
                finally:
                    self._here.work = outer
                committing = True
                connection.commit()
                self._here.commits += connection.info.pop(WROTE, 0)
        except (SQLAlchemyError, ConnectorException) as error:
            trouble = told_apart(error, committing=committing)
            if trouble is None:
                raise
            raise trouble from error

    @contextmanager
    def joined(self) -> Iterator[Work]:
        """The transaction this thread has open, else a new one: for what must be read in the middle of another step."""
        if self._here.work is not None:
            yield self._here.work
            return
        with self() as work:
            yield work

    def again(self, do: Callable[[], _Thing]) -> _Thing:
        """Do it, and do it again when PostgreSQL broke it off in favour of another transaction.

        Only as long as nothing of it has been committed: then nothing has happened yet, whatever it is.

        Raises:
            Collision: after the last try, or in the middle. Whatever `do` raises; a DatabaseTrouble says `in_doubt` when
                something had been committed before it.
        """
        for pause in (*self._PAUSES, None):
            before = self._here.commits
            try:
                return do()
            except DatabaseTrouble as trouble:
                trouble.in_doubt = trouble.in_doubt or self._here.commits != before
                if pause is None or trouble.in_doubt or not isinstance(trouble, Collision):
                    raise
                time.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))  # not in step with whom it collided with
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def these_free(self, names: Sequence[str], most: int) -> Iterator[frozenset[str]]:
        """Hold the first of these locks that nobody else holds; all of them die with this process. Yields their names."""
        numbers = {_lock_number(name): name for name in names}
        with self._lock_connection() as connection:
            # without an order of its own, so that LIMIT ends the trying
            statement = text("SELECT n FROM unnest(CAST(:numbers AS bigint[])) AS n WHERE pg_try_advisory_lock(n) LIMIT :most")
            held = list(connection.execute(statement, {"numbers": list(numbers), "most": most}).scalars())
            try:
                yield frozenset(numbers[number] for number in held)
            finally:
                unlock = text("SELECT pg_advisory_unlock(n) FROM unnest(CAST(:numbers AS bigint[])) AS n")
                connection.execute(unlock, {"numbers": held})

    @contextmanager
    def only_one(self, name: str, patience: float = 0) -> Iterator[bool]:
        """Hold a lock that dies with this process; yields False when another still holds it after `patience` seconds."""
        number = _lock_number(name)
        with self._lock_connection() as connection:
            deadline = time.monotonic() + patience
            while not (held := connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": number}).scalar()):
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.05)
            try:
                yield bool(held)
            finally:
                if held:
                    connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": number})

    @contextmanager
    def _lock_connection(self) -> Iterator[Connection]:
        """For locks of the session: they outlive a transaction, and this connection is in none."""
        try:
            with self._locks.connect() as plain:
                yield plain.execution_options(isolation_level="AUTOCOMMIT")
        except SQLAlchemyError as error:
            trouble = told_apart(error)
            if trouble is None:
                raise
            raise trouble from error


class _Here(threading.local):
    """What this thread is at: its open transaction, and how many that wrote something it has committed."""

    work: Work | None = None
    commits: int = 0


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


WROTE = "ibok_wrote"


def _note_writing(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if statement.lstrip()[:6].upper() != "SELECT":
        connection.info[WROTE] = 1


class _Transaction:
    def __init__(self, connection: Connection, fernet: Fernet, fingerprint: Callable[[str], str], jobs: Jobs) -> None:
        self.applications = PostgresApplications(connection, fernet, fingerprint)
        self.news = PostgresNews(connection)
        self.deliveries = PostgresDeliveries(connection)
        self.accounts = PostgresAccounts(connection, self.news)
        self.resets = PostgresPasswordResets(connection)
        self.email_changes = PostgresEmailChanges(connection)
        self.change_requests = PostgresChangeRequests(connection)
        self.terms = PostgresTerms(connection)
        self.erasures = PostgresErasures(connection)
        self.incidents = PostgresIncidents(connection)
        self.events = PostgresAccountEvents(connection)
        self.register = PostgresRegister(connection)
        self.cases = PostgresCases(connection)
        self.desk = PostgresDesk(connection)
        self.mails = PostgresMails(connection)
        self.unasked_mails = PostgresUnaskedMails(connection)
        self.retention = PostgresRetention(connection)
        self.intake = PostgresIntake(connection)
        self.mails_under_way = PostgresMailsUnderWay(connection)
        self.reports = PostgresReports(connection)
        self.digests = PostgresDigests(connection)
        self.form_activations = PostgresFormActivations(connection)
        self.documents = PostgresDocuments(connection)
        self.audit = PostgresAudit(connection, fernet)
        self.queue = _Queue(connection, jobs)
        self.idempotency = PostgresIdempotency(connection)


def applications_in(work: Work) -> tuple[Any, PostgresApplications]:
    """The database connection of a transaction and its applications, for writing very many rows at once."""
    applications = work.applications
    assert isinstance(applications, PostgresApplications)
    return applications.driver_connection, applications


class _Queue:
    def __init__(self, connection: Connection, jobs: Jobs) -> None:
        self._connection, self._jobs = connection, jobs

    def keep(self, login: str) -> None:
        self._defer("keep_account", login=login)

    def need_not_keep(self, logins: Sequence[str]) -> None:
        """Take back what `keep` deferred and nobody has begun: who calls this is about to look at these accounts."""
        self._connection.info[WROTE] = 1
        self._jobs.take_back(self._connection.connection.driver_connection, "keep_account", "login", logins)

    def send_mail(self, message_id: str) -> None:
        self._defer("send_mail", message_id=message_id)

    def confirm_first_login(self, reference: str) -> None:
        self._defer("confirm_first_login", reference=reference)

    def request_new_password(self, login: str) -> None:
        self._defer("request_new_password", login=login)

    def _defer(self, task: str, **arguments: str) -> None:
        self._connection.info[WROTE] = 1
        self._jobs.defer(self._connection.connection.driver_connection, task, **arguments)
