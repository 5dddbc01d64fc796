"""PostgreSQL: one transaction a `Work`, all SQL of provisioning, the append-only chained audit."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from cryptography.fernet import Fernet
from procrastinate.exceptions import ConnectorException
from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, Row, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.sql import bindparam

from ibok_idp.database import Cause, cause_of, without_values
from provisioning.adapters.applications import PostgresApplications
from provisioning.adapters.mails_under_way import PostgresMailsUnderWay
from provisioning.adapters.news import PostgresDeliveries, PostgresNews
from provisioning.adapters.reports import PostgresReports
from provisioning.adapters.retention import PostgresRetention, forget_traces
from provisioning.adapters.rows import columns, every, first, insert, read, update, with_json
from provisioning.adapters.unasked_mails import PostgresUnaskedMails
from provisioning.domain.account import Account
from provisioning.domain.audit_chain import FIRST, ChainedLine, chained_hash, line_content
from provisioning.domain.email_change import EmailChange
from provisioning.domain.erasure import ErasureRequest
from provisioning.domain.errors import FieldError, Invalid, NotFound
from provisioning.domain.news import Known
from provisioning.domain.password_reset import PasswordReset
from provisioning.domain.register_match import RegisterCustomer
from provisioning.ports import (
    AccountEvent,
    Actor,
    AuditEntry,
    CaseClaim,
    CaseNote,
    ChangeRequest,
    Document,
    FormActivation,
    Incident,
    IntakeFile,
    IntakeItem,
    IntakeState,
    Mail,
    Outage,
    SavedView,
    Signature,
    StaffMember,
    TermsAnswer,
    Work,
)

_Thing = TypeVar("_Thing")
_AUDIT_LOCK = 270_001
_PRIVATE = "private"
_SIGNATURES = TypeAdapter(tuple[Signature, ...])


class DatabaseTrouble(Outage):
    """PostgreSQL did not do it, and the statement is not at fault. Nothing of the transaction was written.

    Attributes:
        in_doubt: but it went away while the transaction was being committed, so whether that one was written is not
            known; or an earlier transaction of the same request had been.
    """

    in_doubt = False


class DatabaseGone(DatabaseTrouble):
    """PostgreSQL cannot be reached, or cut the connection."""


class Collision(DatabaseTrouble):
    """A deadlock or a serialisation failure: the same again may well hold."""


class DatabaseBusy(DatabaseTrouble):
    """No free connection, or a lock or a statement took too long."""


class DatabaseFull(DatabaseTrouble):
    """No room on PostgreSQL's disk or in its memory; IT must act."""


class DatabaseReadOnly(DatabaseTrouble):
    """A stand-by answers, as in a failover."""


_TROUBLES: dict[Cause, type[DatabaseTrouble]] = {
    Cause.GONE: DatabaseGone,
    Cause.COLLISION: Collision,
    Cause.BUSY: DatabaseBusy,
    Cause.FULL: DatabaseFull,
    Cause.READ_ONLY: DatabaseReadOnly,
}


class SecondTransaction(RuntimeWarning):
    """Two connections for one thread: with all of them taken, every thread waits for another. Tests make it an error."""


class Jobs(Protocol):
    """Defers jobs on a given database connection."""

    def defer(self, connection: Any, task: str, **arguments: str) -> None: ...


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; two at once wait for each other."""
    config = _migrations()
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(270000)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_schema() -> str | None:
    """The migration that this version of the program needs."""
    return ScriptDirectory.from_config(_migrations()).get_current_head()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "provisioning:adapters/migrations")
    return config


def schema_version(engine: Engine) -> str | None:
    """The migration the database stands at, None before the first."""
    with engine.connect() as connection:
        if not connection.execute(text("SELECT to_regclass('alembic_version')")).scalar():
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


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
                connection.info.pop(_WROTE, None)
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
                self._here.commits += connection.info.pop(_WROTE, 0)
        except (SQLAlchemyError, ConnectorException) as error:
            trouble = _told_apart(error, committing=committing)
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
    def only_one(self, name: str, patience: float = 0) -> Iterator[bool]:
        """Hold a lock that dies with this process; yields False when another still holds it after `patience` seconds."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        try:
            with self._locks.connect() as plain:
                connection = plain.execution_options(isolation_level="AUTOCOMMIT")  # a lock of the session, not of a transaction
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
        except SQLAlchemyError as error:
            trouble = _told_apart(error)
            if trouble is None:
                raise
            raise trouble from error


class _Here(threading.local):
    """What this thread is at: its open transaction, and how many that wrote something it has committed."""

    work: Work | None = None
    commits: int = 0


_WROTE = "ibok_wrote"


def _note_writing(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if statement.lstrip()[:6].upper() != "SELECT":
        connection.info[_WROTE] = 1


def _told_apart(error: Exception, *, committing: bool = False) -> Exception | None:
    """The error as use cases and doors know it; None when it shows a fault of ours."""
    found = error.__cause__ if isinstance(error, ConnectorException) and error.__cause__ else error
    if isinstance(found, psycopg.Error):
        without_values(found)  # the queue's statements do not go through the engine
    if isinstance(found, DataError | psycopg.DataError):  # NUL and lone surrogates cannot be held, so nothing can be named so
        return Invalid([FieldError("body", "invalid_characters")])
    cause = cause_of(found)
    if cause is None:
        return None
    trouble = _TROUBLES[cause](f"PostgreSQL: {cause}")
    trouble.in_doubt = committing and cause is Cause.GONE
    return trouble


class _Transaction:
    def __init__(self, connection: Connection, fernet: Fernet, fingerprint: Callable[[str], str], jobs: Jobs) -> None:
        self.applications = PostgresApplications(connection, fernet, fingerprint)
        self.news = PostgresNews(connection)
        self.deliveries = PostgresDeliveries(connection)
        self.accounts = _Accounts(connection, self.news)
        self.resets = _PasswordResets(connection)
        self.email_changes = _EmailChanges(connection)
        self.change_requests = _ChangeRequests(connection)
        self.terms = _Terms(connection)
        self.erasures = _Erasures(connection)
        self.incidents = _Incidents(connection)
        self.events = _AccountEvents(connection)
        self.register = _Register(connection)
        self.cases = _Cases(connection)
        self.desk = _Desk(connection)
        self.mails = _Mails(connection)
        self.unasked_mails = PostgresUnaskedMails(connection)
        self.retention = PostgresRetention(connection)
        self.intake = _Intake(connection)
        self.mails_under_way = PostgresMailsUnderWay(connection)
        self.reports = PostgresReports(connection)
        self.digests = _Digests(connection)
        self.form_activations = _FormActivations(connection)
        self.documents = _Documents(connection)
        self.audit = _Audit(connection, fernet)
        self.queue = _Queue(connection, jobs)
        self.idempotency = _Idempotency(connection)


def applications_in(work: Work) -> tuple[Any, PostgresApplications]:
    """The database connection of a transaction and its applications, for writing very many rows at once."""
    applications = work.applications
    assert isinstance(applications, PostgresApplications)
    return applications.driver_connection, applications


class _Accounts:
    """Rows of accounts. Whatever changes one is told to other applications in the same transaction, whoever changed it."""

    def __init__(self, connection: Connection, news: PostgresNews) -> None:
        self._connection, self._news = connection, news

    def reserve_login(self, login: str, reference: str, at: datetime) -> bool:
        done = self._connection.execute(
            text("INSERT INTO issued_logins VALUES (:login, :reference, :at) ON CONFLICT DO NOTHING"),
            {"login": login.lower(), "reference": reference, "at": at},
        )
        return done.rowcount == 1

    def add(self, account: Account) -> None:
        account.unsettled = account.wants_keeping
        insert(self._connection, "accounts", account)
        self._news.changed(None, account)

    def get(self, login: str) -> Account:
        return self._one("login = :value", login.lower()) or _raise(NotFound(login))

    def locked(self, login: str) -> Account:
        return self._one("login = :value", login.lower(), " FOR UPDATE") or _raise(NotFound(login))

    def by_reference(self, reference: str, *, for_change: bool = False) -> Account | None:
        return self._one("reference = :value", reference, " FOR UPDATE" if for_change else "")

    def by_user_id(self, user_id: str) -> Account | None:
        return self._one("user_id = :value", user_id)

    def save(self, account: Account) -> None:
        account.unsettled = account.wants_keeping
        before = Known.of(self.get(account.login))
        update(self._connection, "accounts", "login", account)
        self._news.changed(before, account)

    def with_customer_number(self, customer_number: str) -> list[Account]:
        return self._all("customer_numbers ? :number ORDER BY login LIMIT 50", number=customer_number)

    def due(self, today: date, limit: int) -> list[str]:
        """Accounts whose day has come to be closed, deleted or anonymised; none that still waits for others."""
        found = self._connection.execute(
            text(
                "SELECT login FROM accounts WHERE (state = 'resigning' AND closes_on <= :today) "
                "OR (state = 'closed' AND delete_on <= :today) OR (state = 'deleted' AND anonymise_on <= :today AND gone_in_keycloak "
                "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.state IN ('queued', 'deferred'))) "
                "ORDER BY random() LIMIT :limit"  # those that stick starve nobody
            ),
            {"today": today, "limit": limit},
        )
        return list(found.scalars())

    def to_be_kept(self, now: datetime, limit: int) -> list[str]:
        """Where something wanted is not so yet and it is time to look, in filing order. A lost wake-up loses nothing."""
        found = self._connection.execute(
            text(
                "SELECT login FROM accounts WHERE unsettled AND (look_at IS NULL OR look_at <= :now "
                "OR keycloak_trouble = 'keycloak_unavailable') ORDER BY created_at LIMIT :limit"
            ),
            {"now": now, "limit": limit},
        )
        return list(found.scalars())

    def to_be_made(self, limit: int) -> list[str]:
        """Whose first difference is that Keycloak holds no user, in filing order."""
        found = self._connection.execute(
            text(
                "SELECT login FROM accounts WHERE unsettled AND user_id IS NULL AND nonce IS NOT NULL "
                "AND state NOT IN ('closed', 'deleted', 'anonymised') AND NOT keycloak_blocked ORDER BY created_at LIMIT :limit"
            ),
            {"limit": limit},
        )
        return list(found.scalars())

    def look_again(self, login: str, at: datetime) -> None:
        self._connection.execute(text("UPDATE accounts SET look_at = :at WHERE login = :login"), {"login": login, "at": at})

    def outstanding_keys(self) -> dict[str, int]:
        """For which keys nonces are outstanding, and how many."""
        found = self._connection.execute(
            text(
                "SELECT coalesce(nonce_key, '') AS key, count(*) AS many FROM (SELECT nonce_key FROM accounts WHERE nonce IS NOT NULL "
                "UNION ALL SELECT nonce_key FROM password_resets WHERE nonce IS NOT NULL) AS nonces GROUP BY 1"
            )
        )
        return {row.key: row.many for row in found}

    def after(self, login: str, limit: int) -> list[Account]:
        return self._all("login > :login ORDER BY login LIMIT :limit", login=login, limit=limit)

    def without_terms_notice(self, terms_version: str, limit: int) -> list[Account]:
        return self._all(
            "state IN ('active', 'awaiting_first_login', 'suspended') "
            "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.kind = 'terms_announced' "
            "AND m.about->>'terms_version' = :version) "
            "AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.reference = accounts.reference AND a.terms_version = :version) "
            "ORDER BY random() LIMIT :limit",  # as in due
            version=terms_version,
            limit=limit,
        )

    def forget(self, login: str, references: list[str]) -> None:
        """Everything of the person that rests in tables of their account; the account row itself is saved apart."""
        for statement in (
            "DELETE FROM email_changes WHERE login = :login",
            "DELETE FROM change_requests WHERE login = :login",
            "DELETE FROM password_resets WHERE login = :login",
            "DELETE FROM account_events WHERE login = :login",
            "UPDATE account_news SET customer_numbers = '[]', customer_number = NULL WHERE login = :login",
            "UPDATE incidents SET address = '', note = NULL WHERE login = :login",
            "UPDATE erasure_requests SET ground = NULL WHERE login = :login",
        ):
            self._connection.execute(text(statement), {"login": login})
        forget_traces(self._connection, references)

    def awaiting_first_login(self, limit: int, user_ids: list[str] | None = None) -> list[Account]:
        rows = self._connection.execute(
            text(
                "UPDATE accounts SET looked_at = now() WHERE login IN (SELECT login FROM accounts "
                "WHERE state IN ('awaiting_first_login', 'resigning') AND activated_at IS NULL AND user_id IS NOT NULL "
                "AND (CAST(:ids AS text[]) IS NULL OR user_id = ANY(CAST(:ids AS text[]))) "
                "ORDER BY looked_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING *"
            ),
            {"ids": user_ids, "limit": limit},
        ).all()
        return [read(Account, row) for row in rows]

    def waiting_too_long(self, since: datetime) -> list[Account]:
        return self._all(
            "least(keycloak_trouble_since, mail_trouble_since, address_trouble_since) < :since "
            "ORDER BY least(keycloak_trouble_since, mail_trouble_since, address_trouble_since) LIMIT 100",
            since=since,
        )

    def to_be_reminded(self, now: datetime, until: datetime, limit: int) -> list[Account]:
        """Whose activation password ends until then, and who has not been reminded of this one."""
        return self._all(
            "state = 'awaiting_first_login' AND nonce IS NULL AND address_doubt_at IS NULL AND NOT unsettled AND address_trouble IS NULL "
            "AND password_expires_at > :now AND password_expires_at <= :until "
            "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.kind = 'activation_reminder' "
            "AND m.about->>'activation' = accounts.activation::text) ORDER BY random() LIMIT :limit",  # as in due
            now=now,
            until=until,
            limit=limit,
        )

    def never_logged_in(self, mailed_before: datetime, limit: int) -> list[Account]:
        return self._all(
            "state = 'awaiting_first_login' AND mail_accepted_at < :before ORDER BY mail_accepted_at LIMIT :limit",
            before=mailed_before,
            limit=limit,
        )

    def _all(self, condition: str, **values: Any) -> list[Account]:
        rows = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}"), values).all()  # noqa: S608
        return [read(Account, row) for row in rows]

    def _one(self, condition: str, value: str, suffix: str = "") -> Account | None:
        row = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}{suffix}"), {"value": value}).first()  # noqa: S608
        return read(Account, row) if row else None


class _PasswordResets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, reset: PasswordReset) -> None:
        insert(self._connection, "password_resets", reset)

    def get(self, reset_id: str) -> PasswordReset | None:
        return first(self._connection, PasswordReset, "password_resets WHERE reset_id = :id", id=reset_id)

    def save(self, reset: PasswordReset) -> None:
        update(self._connection, "password_resets", "reset_id", reset)

    def mailed_since(self, login: str, since: datetime) -> list[datetime]:
        rows = self._connection.execute(
            text("SELECT asked_at FROM password_resets WHERE login = :l AND asked_at > :s AND outcome IN ('issued', 'refused')"),
            {"l": login, "s": since},
        )
        return [row.asked_at for row in rows]

    def open_of(self, login: str) -> PasswordReset | None:
        """The wish that is on its way; a newer one has made every earlier one void."""
        condition = "password_resets WHERE login = :l AND step IN ('reserved', 'set') ORDER BY asked_at DESC LIMIT 1"
        return first(self._connection, PasswordReset, condition, l=login)

    def newest_of(self, login: str) -> PasswordReset | None:
        condition = "password_resets WHERE login = :l AND outcome = 'issued' ORDER BY asked_at DESC LIMIT 1"
        return first(self._connection, PasswordReset, condition, l=login)

    def count_since(self, since: datetime) -> int:
        count = text("SELECT count(*) FROM password_resets WHERE asked_at > :since")
        return int(self._connection.execute(count, {"since": since}).scalar_one())


class _EmailChanges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, change: EmailChange) -> None:
        insert(self._connection, "email_changes", change)

    def get(self, change_id: str) -> EmailChange | None:
        return first(self._connection, EmailChange, "email_changes WHERE change_id = :id", id=change_id)

    def locked(self, change_id: str) -> EmailChange:
        found = first(self._connection, EmailChange, "email_changes WHERE change_id = :id FOR UPDATE", id=change_id)
        return found or _raise(NotFound(change_id))

    def save(self, change: EmailChange) -> None:
        update(self._connection, "email_changes", "change_id", change)

    def of(self, login: str) -> list[EmailChange]:
        return every(self._connection, EmailChange, "email_changes WHERE login = :l ORDER BY asked_at DESC", l=login)


class _ChangeRequests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ChangeRequest) -> None:
        insert(self._connection, "change_requests", request)

    def locked(self, request_id: str) -> ChangeRequest:
        found = first(self._connection, ChangeRequest, "change_requests WHERE request_id = :id FOR UPDATE", id=request_id)
        return found or _raise(NotFound(request_id))

    def save(self, request: ChangeRequest) -> None:
        update(self._connection, "change_requests", "request_id", request)

    def of(self, login: str) -> list[ChangeRequest]:
        return every(self._connection, ChangeRequest, "change_requests WHERE login = :l ORDER BY asked_at DESC", l=login)

    def waiting(self, limit: int) -> list[ChangeRequest]:
        condition = "change_requests WHERE outcome IS NULL ORDER BY asked_at LIMIT :limit"
        return every(self._connection, ChangeRequest, condition, limit=limit)


class _Terms:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, answer: TermsAnswer) -> bool:
        """False when this version was answered before: the first answer stands."""
        names, values = columns(TermsAnswer)
        statement = text(f"INSERT INTO terms_acceptances ({names}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608
        return self._connection.execute(statement, vars(answer)).rowcount == 1

    def of(self, login: str) -> list[TermsAnswer]:
        return every(self._connection, TermsAnswer, "terms_acceptances WHERE login = :l ORDER BY at", l=login)

    def counts(self, terms_version: str) -> dict[str, int]:
        row = self._connection.execute(
            text(
                f"SELECT count(*) FILTER (WHERE t.accepted OR p.terms_version = :v) AS accepted, "
                f"count(*) FILTER (WHERE NOT t.accepted) AS refused, "
                f"count(*) FILTER (WHERE t.accepted IS NULL AND p.terms_version <> :v) AS unanswered {_ANSWERS}"
            ),
            {"v": terms_version},
        ).one()
        return {"accepted": row.accepted, "refused": row.refused, "unanswered": row.unanswered}

    def answers(self, terms_version: str, after: str, limit: int) -> list[tuple[str, bool, datetime]]:
        """Who answered one version and how, in the order of logins; an acceptance with the application counts too."""
        rows = self._connection.execute(
            text(
                "SELECT login, accepted, at FROM (SELECT login, accepted, at FROM terms_acceptances WHERE terms_version = :v "
                "UNION ALL SELECT accounts.login, true, p.received_at FROM accounts JOIN applications p USING (reference) "
                "WHERE p.terms_version = :v AND p.terms_accepted) AS answers WHERE login > :after ORDER BY login LIMIT :limit"
            ),
            {"v": terms_version, "after": after, "limit": limit},
        )
        return [(row.login, row.accepted, row.at) for row in rows]

    def unanswered(self, terms_version: str, limit: int) -> list[Account]:
        rows = self._connection.execute(
            text(
                f"SELECT accounts.* {_ANSWERS} AND t.accepted IS NULL AND p.terms_version <> :v "
                "ORDER BY accounts.login LIMIT :limit"
            ),
            {"v": terms_version, "limit": limit},
        )
        return [read(Account, row) for row in rows]


_ANSWERS = (
    "FROM accounts JOIN applications p USING (reference) "
    "LEFT JOIN terms_acceptances t ON t.login = accounts.login AND t.terms_version = :v "
    "WHERE accounts.state NOT IN ('closed', 'deleted', 'anonymised')"
)


class _Erasures:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ErasureRequest) -> None:
        insert(self._connection, "erasure_requests", request)

    def locked(self, request_id: str) -> ErasureRequest:
        found = first(self._connection, ErasureRequest, "erasure_requests WHERE request_id = :id FOR UPDATE", id=request_id)
        return found or _raise(NotFound(request_id))

    def save(self, request: ErasureRequest) -> None:
        update(self._connection, "erasure_requests", "request_id", request)

    def page(self, limit: int) -> list[ErasureRequest]:
        condition = "erasure_requests ORDER BY decision IS NOT NULL, due_on, created_at LIMIT :limit"
        return every(self._connection, ErasureRequest, condition, limit=limit)

    def of(self, login: str) -> list[ErasureRequest]:
        return every(self._connection, ErasureRequest, "erasure_requests WHERE login = :l ORDER BY created_at", l=login)


class _Incidents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, incident: Incident) -> None:
        insert(self._connection, "incidents", incident)

    def of(self, login: str) -> list[Incident]:
        return every(self._connection, Incident, "incidents WHERE login = :l ORDER BY at DESC", l=login)


class _Cases:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_note(self, note: CaseNote) -> None:
        insert(self._connection, "case_notes", note)

    def notes_of(self, reference: str) -> list[CaseNote]:
        return every(self._connection, CaseNote, "case_notes WHERE reference = :r ORDER BY at", r=reference)

    def claim_of(self, reference: str) -> CaseClaim | None:
        return first(self._connection, CaseClaim, "case_claims WHERE reference = :r", r=reference)

    def put_claim(self, claim: CaseClaim) -> None:
        self._connection.execute(
            text(
                "INSERT INTO case_claims VALUES (:reference, :username, :until) "
                "ON CONFLICT (reference) DO UPDATE SET username = :username, until = :until"
            ),
            vars(claim),
        )

    def drop_claim(self, reference: str) -> None:
        self._connection.execute(text("DELETE FROM case_claims WHERE reference = :r"), {"r": reference})

    def claims(self, references: list[str], now: datetime) -> dict[str, str]:
        """Who works on each of these, claims that have lapsed left out."""
        rows = self._connection.execute(
            text("SELECT reference, username FROM case_claims WHERE reference = ANY(:r) AND until > :now"),
            {"r": references, "now": now},
        )
        return {row.reference: row.username for row in rows}


class _Desk:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save_view(self, view: SavedView) -> None:
        self._connection.execute(
            text(
                "INSERT INTO saved_views VALUES (:username, :name, :query) ON CONFLICT (username, name) DO UPDATE SET query = :query"
            ),
            vars(view),
        )

    def drop_view(self, username: str, name: str) -> None:
        self._connection.execute(text("DELETE FROM saved_views WHERE username = :u AND name = :n"), {"u": username, "n": name})

    def views_of(self, username: str) -> list[SavedView]:
        return every(self._connection, SavedView, "saved_views WHERE username = :u ORDER BY name", u=username)

    def seen(self, member: StaffMember) -> None:
        statement = "INSERT INTO staff_members VALUES (:username, :name, :roles, :seen_at) ON CONFLICT (username) DO UPDATE SET name = :name, roles = :roles, seen_at = :seen_at"
        self._connection.execute(with_json(statement, "roles"), vars(member))

    def members(self, since: datetime) -> list[StaffMember]:
        return every(self._connection, StaffMember, "staff_members WHERE seen_at > :since ORDER BY name", since=since)


class _Register:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, customer_number: str) -> RegisterCustomer | None:
        return first(
            self._connection,
            RegisterCustomer,
            "register_customers WHERE customer_number = :n AND gone_at IS NULL",
            n=customer_number,
        )

    def is_filled(self) -> bool:
        return bool(self._connection.execute(text("SELECT EXISTS (SELECT 1 FROM register_customers)")).scalar_one())


class _AccountEvents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: AccountEvent) -> bool:
        """False when it is known already."""
        names, values = columns(AccountEvent)
        statement = with_json(f"INSERT INTO account_events ({names}) VALUES ({values}) ON CONFLICT DO NOTHING", "details")  # noqa: S608
        return bool(self._connection.execute(statement, vars(event)).rowcount == 1)

    def known(self, event_ids: list[str]) -> set[str]:
        found = text("SELECT event_id FROM account_events WHERE event_id = ANY(:ids)")
        return set(self._connection.execute(found, {"ids": event_ids}).scalars())

    def of(self, login: str, kinds: tuple[str, ...], limit: int) -> list[AccountEvent]:
        condition = "account_events WHERE login = :l AND kind = ANY(:kinds) ORDER BY at DESC LIMIT :limit"
        return every(self._connection, AccountEvent, condition, l=login, kinds=list(kinds), limit=limit)

    def cursor(self, name: str) -> datetime | None:
        return self._connection.execute(text("SELECT at FROM cursors WHERE name = :n"), {"n": name}).scalar()

    def move_cursor(self, name: str, at: datetime) -> None:
        self._connection.execute(
            text("INSERT INTO cursors VALUES (:n, :at) ON CONFLICT (name) DO UPDATE SET at = greatest(cursors.at, excluded.at)"),
            {"n": name, "at": at},
        )


class _Mails:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, mail: Mail) -> None:
        insert(self._connection, "mails", mail)

    def get(self, message_id: str, *, for_change: bool = False) -> Mail | None:
        suffix = " FOR UPDATE" if for_change else ""
        return first(self._connection, Mail, f"mails WHERE message_id = :id{suffix}", id=message_id)

    def save(self, mail: Mail) -> None:
        update(self._connection, "mails", "message_id", mail)

    def of(self, reference: str) -> list[Mail]:
        return every(self._connection, Mail, "mails WHERE reference = :r ORDER BY created_at", r=reference)

    def to_be_sent(self, now: datetime, limit: int) -> list[str]:
        """Mails without a password that are due, oldest first: those of lost wake-ups too."""
        found = self._connection.execute(
            text(
                "SELECT message_id FROM mails WHERE state IN ('queued', 'deferred') AND kind NOT IN ('activated', 'new_password') "
                "AND (next_attempt_at IS NULL OR next_attempt_at <= :now) ORDER BY created_at LIMIT :limit"
            ),
            {"now": now, "limit": limit},
        )
        return list(found.scalars())

    def undelivered(self, limit: int) -> list[Mail]:
        """Mails that did not arrive and that nobody has dealt with."""
        condition = "mails WHERE state IN ('refused', 'failed', 'bounced') AND handled_at IS NULL AND recipient <> '' ORDER BY created_at LIMIT :limit"
        return every(self._connection, Mail, condition, limit=limit)


class _Intake:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, item: IntakeItem, files: list[IntakeFile]) -> bool:
        """False when this message is here already: the same bytes, or the same Message-ID and content."""
        names, values = columns(IntakeItem)
        statement = text(f"INSERT INTO intake ({names}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608
        if self._connection.execute(statement, vars(item)).rowcount != 1:
            return False
        for each in files:
            insert(self._connection, "intake_files", each)
        return True

    def get(self, intake_id: str, *, for_change: bool = False) -> IntakeItem:
        suffix = " FOR UPDATE" if for_change else ""
        return first(self._connection, IntakeItem, f"intake WHERE intake_id = :id{suffix}", id=intake_id) or _raise(
            NotFound(intake_id)
        )

    def save(self, item: IntakeItem) -> None:
        update(self._connection, "intake", "intake_id", item)

    def files_of(self, intake_id: str) -> list[IntakeFile]:
        return every(self._connection, IntakeFile, "intake_files WHERE intake_id = :id ORDER BY place", id=intake_id)

    def file(self, intake_id: str, file_id: str) -> IntakeFile:
        found = first(self._connection, IntakeFile, "intake_files WHERE intake_id = :i AND file_id = :f", i=intake_id, f=file_id)
        return found or _raise(NotFound(file_id))

    def drop_files(self, intake_id: str) -> None:
        self._connection.execute(text("DELETE FROM intake_files WHERE intake_id = :id"), {"id": intake_id})

    def in_state(self, state: IntakeState, limit: int) -> list[IntakeItem]:
        condition = "intake WHERE state = :state ORDER BY received_at LIMIT :limit"
        return every(self._connection, IntakeItem, condition, state=state.value, limit=limit)

    def by_hash(self, sha256: str) -> IntakeItem | None:
        return first(self._connection, IntakeItem, "intake WHERE sha256 = :sha256", sha256=sha256)

    def forget_set_aside(self, before: datetime) -> int:
        statement = "UPDATE intake SET sender = '', subject = '', text = '', state = 'dismissed' WHERE state = 'set_aside' AND received_at < :b"
        return self._connection.execute(text(statement), {"b": before}).rowcount


class _Digests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sent_on(self, day: date) -> set[str]:
        return set(self._connection.execute(text("SELECT recipient FROM digests WHERE day = :d"), {"d": day}).scalars())

    def last_day_before(self, day: date, recipient: str) -> date | None:
        statement = text("SELECT max(day) FROM digests WHERE day < :d AND recipient = :r")
        return self._connection.execute(statement, {"d": day, "r": recipient}).scalar()

    def sent(self, day: date, recipient: str, at: datetime) -> None:
        statement = text("INSERT INTO digests VALUES (:d, :r, :at) ON CONFLICT DO NOTHING")
        self._connection.execute(statement, {"d": day, "r": recipient, "at": at})


class _FormActivations:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def every(self) -> list[FormActivation]:
        return every(self._connection, FormActivation, "form_activations ORDER BY version")

    def put(self, activation: FormActivation) -> None:
        statement = text(
            "INSERT INTO form_activations VALUES (:version, :valid_from, :activated_at, :activated_by) ON CONFLICT (version) "
            "DO UPDATE SET valid_from = :valid_from, activated_at = :activated_at, activated_by = :activated_by"
        )
        self._connection.execute(statement, vars(activation))


class _Documents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, document: Document) -> None:
        self._connection.execute(
            text(
                "INSERT INTO documents VALUES (:document_id, :reference, :kind, :name, :media_type, :sha256, :content, :created_at,"
                " CAST(:signatures AS jsonb))"
            ),
            {name: value for name, value in vars(document).items() if name != "original"}
            | {
                "created_at": document.created_at or datetime.now(UTC),
                "signatures": _SIGNATURES.dump_json(document.signatures).decode() if document.signatures else None,
            },
        )
        if document.original is not None:
            statement = text("INSERT INTO originals VALUES (:sha256, :original) ON CONFLICT DO NOTHING")
            self._connection.execute(statement, {"sha256": document.sha256, "original": document.original})

    def original(self, document: Document) -> bytes | None:
        """What was handed in, byte by byte; None for documents from before originals were kept."""
        found = self._connection.execute(text("SELECT content FROM originals WHERE sha256 = :s"), {"s": document.sha256}).scalar()
        return bytes(found) if found is not None else None

    def of(self, reference: str) -> list[Document]:
        rows = self._connection.execute(
            text(
                "SELECT document_id, reference, kind, name, media_type, sha256, created_at, signatures FROM documents WHERE reference = :r ORDER BY created_at"
            ),
            {"r": reference},
        )
        return [_document(row, b"") for row in rows]

    def get(self, reference: str, document_id: str) -> Document:
        row = self._connection.execute(
            text("SELECT * FROM documents WHERE reference = :r AND document_id = :d"), {"r": reference, "d": document_id}
        ).first()
        if row is None:
            raise NotFound(document_id)
        return _document(row, bytes(row.content))


class _Audit:
    """Append-only; each line carries the hash of the one before it.

    Lines are written at the end of the transaction, under a lock that is held only then, so that audited
    transactions do not wait for each other's work.

    Words that may name a person (`private`) are encrypted with a key of their subject: when the person is anonymised the
    key goes, the words cannot be read again, and the chain still holds (S8).
    """

    def __init__(self, connection: Connection, fernet: Fernet) -> None:
        self._connection, self._fernet = connection, fernet
        self._waiting: list[tuple[Actor, str, str, dict[str, Any], datetime]] = []

    def write(
        self,
        actor: Actor,
        action: str,
        subject: str,
        details: dict[str, Any],
        at: datetime,
        private: dict[str, Any] | None = None,
    ) -> None:
        if private:
            details = {**details, _PRIVATE: self._sealed(subject, private)}
        self._waiting.append((actor, action, subject, details, at))

    def flush(self) -> None:
        if not self._waiting:
            return
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _AUDIT_LOCK})
        last = self._connection.execute(text("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")).first()
        number, previous = (last.number, last.hash) if last else (0, FIRST)
        for actor, action, subject, details, at in self._waiting:
            number += 1
            line = line_content(number, at, actor.name, sorted(actor.roles), actor.address, action, subject, details)
            current = chained_hash(previous, line)
            self._connection.execute(
                text(
                    "INSERT INTO audit VALUES (:number, :at, :actor, :roles, :address, :action, :subject, :details, :previous, :hash)"
                ).bindparams(bindparam("roles", type_=JSONB), bindparam("details", type_=JSONB)),
                {**line, "previous": previous, "hash": current},
            )
            previous = current
        self._waiting.clear()

    def of(self, subject: str) -> list[AuditEntry]:
        rows = self._connection.execute(
            text("SELECT audit.*, k.key FROM audit LEFT JOIN audit_keys k USING (subject) WHERE subject = :s ORDER BY number"),
            {"s": subject},
        )
        return [self._entry(row) for row in rows]

    def actors(self, subject: str, actions: tuple[str, ...]) -> set[str]:
        """Who did one of these to a subject."""
        statement = text("SELECT DISTINCT actor FROM audit WHERE subject = :s AND action = ANY(:actions)")
        return set(self._connection.execute(statement, {"s": subject, "actions": list(actions)}).scalars())

    def reveals(self, actor: str, since: datetime) -> list[datetime]:
        rows = self._connection.execute(
            text(
                "SELECT at FROM audit WHERE action LIKE 'application.pesel_reveal%' AND action = 'application.pesel_revealed' "
                "AND at > :since AND actor = :actor ORDER BY at"
            ),
            {"since": since, "actor": actor},
        )
        return [row.at for row in rows]

    def page(
        self,
        *,
        subject: str | None,
        actor: str | None,
        action: str | None,
        before: int | None,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AuditEntry]:
        rows = self._connection.execute(
            text(
                "SELECT audit.*, k.key FROM audit LEFT JOIN audit_keys k USING (subject) "
                "WHERE (CAST(:subject AS text) IS NULL OR subject = :subject) "
                "AND (CAST(:actor AS text) IS NULL OR actor = :actor) AND (CAST(:action AS text) IS NULL OR action = :action) "
                "AND (CAST(:before AS bigint) IS NULL OR number < :before) "
                "AND (CAST(:since AS timestamptz) IS NULL OR at >= :since) AND (CAST(:until AS timestamptz) IS NULL OR at < :until) "
                "ORDER BY number DESC LIMIT :limit"
            ),
            {
                "subject": subject,
                "actor": actor,
                "action": action,
                "before": before,
                "limit": limit,
                "since": since,
                "until": until,
            },
        )
        return [self._entry(row) for row in rows]

    def chain(self) -> Iterator[ChainedLine]:
        """Every line in the order of the numbers, read in portions."""
        rows = self._connection.execution_options(yield_per=2000).execute(text("SELECT * FROM audit ORDER BY number"))
        for row in rows:
            content = line_content(row.number, row.at, row.actor, row.roles, row.address, row.action, row.subject, row.details)
            yield ChainedLine(row.number, content, row.previous_hash, row.hash)

    def _sealed(self, subject: str, private: dict[str, Any]) -> str:
        new = self._fernet.encrypt(Fernet.generate_key())
        self._connection.execute(text("INSERT INTO audit_keys VALUES (:s, :k) ON CONFLICT DO NOTHING"), {"s": subject, "k": new})
        key = self._connection.execute(text("SELECT key FROM audit_keys WHERE subject = :s"), {"s": subject}).scalar_one()
        return Fernet(self._fernet.decrypt(bytes(key))).encrypt(json.dumps(private, ensure_ascii=False).encode()).decode()

    def _entry(self, row: Row[Any]) -> AuditEntry:
        details = dict(row.details)
        if (sealed := details.pop(_PRIVATE, None)) and row.key:
            details |= json.loads(Fernet(self._fernet.decrypt(bytes(row.key))).decrypt(sealed))
        return AuditEntry(
            row.number, row.at, row.actor, tuple(row.roles), row.action, row.subject, details, row.previous_hash, row.hash
        )


class _Queue:
    def __init__(self, connection: Connection, jobs: Jobs) -> None:
        self._connection, self._jobs = connection, jobs

    def keep(self, login: str) -> None:
        self._defer("keep_account", login=login)

    def send_mail(self, message_id: str) -> None:
        self._defer("send_mail", message_id=message_id)

    def confirm_first_login(self, reference: str) -> None:
        self._defer("confirm_first_login", reference=reference)

    def request_new_password(self, login: str) -> None:
        self._defer("request_new_password", login=login)

    def _defer(self, task: str, **arguments: str) -> None:
        self._connection.info[_WROTE] = 1
        self._jobs.defer(self._connection.connection.driver_connection, task, **arguments)


class _Idempotency:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, caller: str, key: str) -> tuple[bytes, dict[str, Any]] | None:
        number = int.from_bytes(hashlib.sha256(f"{caller}\0{key}".encode()).digest()[:8], "big", signed=True)
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})  # two tabs at once: one waits
        row = self._connection.execute(
            text("SELECT fingerprint, answer FROM idempotency_keys WHERE caller = :c AND key = :k"), {"c": caller, "k": key}
        ).first()
        return (bytes(row.fingerprint), row.answer) if row else None

    def remember(self, caller: str, key: str, fingerprint: bytes, answer: dict[str, Any], at: datetime) -> None:
        self._connection.execute(
            with_json("INSERT INTO idempotency_keys VALUES (:caller, :key, :fingerprint, :answer, :at)", "answer"),
            {"caller": caller, "key": key, "fingerprint": fingerprint, "answer": answer, "at": at},
        )


def _document(row: Row[Any], content: bytes) -> Document:
    signatures = _SIGNATURES.validate_python(row.signatures or [])
    return Document(
        row.document_id,
        row.reference,
        row.kind,
        row.name,
        row.media_type,
        row.sha256,
        content,
        row.created_at,
        signatures=signatures,
    )


def _raise(error: Exception) -> Any:
    raise error
