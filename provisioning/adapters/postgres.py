"""PostgreSQL: one transaction a `Work`, all SQL of provisioning, the append-only chained audit."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Protocol

from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from sqlalchemy import Connection, Engine, Row, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.sql import bindparam

from provisioning.domain.account import Account, AccountState, Step, Trouble
from provisioning.domain.application import Application, Channel, CustomerType, Status
from provisioning.domain.errors import FieldError, Invalid, NotFound
from provisioning.domain.login_names import reference as make_reference
from provisioning.ports import Actor, AuditEntry, Document, Mail, MailKind, MailState, QueueFilter, QueuePage, Work

_AUDIT_LOCK = 270_001
_NO_TERM = date(9999, 12, 31)


class DatabaseGone(Exception):
    """PostgreSQL does not answer; nothing was written."""


class Jobs(Protocol):
    """Defers jobs on a given database connection."""

    def defer(self, connection: Any, task: str, **arguments: str) -> None: ...


def make_engine(url: str) -> Engine:
    """A pooled engine; a dead connection is noticed before use."""
    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        address, pool_pre_ping=True, pool_size=10, max_overflow=20, pool_timeout=10, connect_args={"connect_timeout": 5}
    )


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; two at once wait for each other."""
    config = Config()
    config.set_main_option("script_location", "provisioning:adapters/migrations")
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(270000)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_version(engine: Engine) -> str | None:
    """The migration the database stands at, None before the first."""
    with engine.connect() as connection:
        if not connection.execute(text("SELECT to_regclass('alembic_version')")).scalar():
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


class PostgresWork:
    """Opens transactions; `with work() as w:` commits at the end or leaves everything as it was."""

    def __init__(self, engine: Engine, fernet: Fernet, jobs: Jobs) -> None:
        self._engine, self._fernet, self._jobs = engine, fernet, jobs

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        try:
            with self._engine.begin() as connection:
                work = _Transaction(connection, self._fernet, self._jobs)
                yield work
                work.audit.flush()
        except DataError as error:  # NUL and lone surrogates: PostgreSQL cannot hold them, so nothing can be named so
            raise Invalid([FieldError("body", "invalid_characters")]) from error
        except OperationalError as error:
            raise DatabaseGone("PostgreSQL does not answer.") from error

    @contextmanager
    def only_one(self, name: str) -> Iterator[bool]:
        """Hold a lock that dies with this process; yields False when another holds it."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        try:
            with self._engine.connect() as plain:
                connection = plain.execution_options(isolation_level="AUTOCOMMIT")  # a lock of the session, not of a transaction
                held = connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": number}).scalar()
                try:
                    yield bool(held)
                finally:
                    if held:
                        connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": number})
        except OperationalError as error:
            raise DatabaseGone("PostgreSQL does not answer.") from error


class _Transaction:
    def __init__(self, connection: Connection, fernet: Fernet, jobs: Jobs) -> None:
        self.applications = _Applications(connection, fernet)
        self.accounts = _Accounts(connection)
        self.mails = _Mails(connection)
        self.documents = _Documents(connection)
        self.audit = _Audit(connection)
        self.queue = _Queue(connection, jobs)
        self.idempotency = _Idempotency(connection)


class _Applications:
    _COLUMNS = (
        "reference",
        "version",
        "status",
        "channel",
        "form_version",
        "terms_version",
        "language",
        "customer_type",
        "data",
        "pesel_encrypted",
        "clauses",
        "terms_accepted",
        "signature",
        "received_at",
        "filed_at",
        "filed_on",
        "completed_on",
        "due_on",
        "email_confirmed_at",
        "decided_at",
        "decided_by",
        "reason",
        "entered_by",
        "nonce",
        "confirmation_nonce",
        "confirmation_sent_at",
        "search",
    )

    def __init__(self, connection: Connection, fernet: Fernet) -> None:
        self._connection, self._fernet = connection, fernet

    def new_reference(self, year: int) -> str:
        number = self._connection.execute(text("SELECT nextval('application_numbers')")).scalar_one()
        return make_reference(year, number)

    def add(self, application: Application) -> None:
        names = ", ".join(self._COLUMNS)
        values = ", ".join(f":{name}" for name in self._COLUMNS)
        self._connection.execute(_json(f"INSERT INTO applications ({names}) VALUES ({values})"), self._row(application))  # noqa: S608

    def get(self, reference: str, *, for_change: bool = False) -> Application:
        suffix = " FOR UPDATE" if for_change else ""
        row = self._connection.execute(text(f"SELECT * FROM applications WHERE reference = :r{suffix}"), {"r": reference}).first()  # noqa: S608
        if row is None:
            raise NotFound(reference)
        return self._application(row)

    def save(self, application: Application) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in self._COLUMNS if name != "reference")
        self._connection.execute(_json(f"UPDATE applications SET {sets} WHERE reference = :reference"), self._row(application))  # noqa: S608

    def page(self, wanted: QueueFilter) -> QueuePage:
        where, values = ["TRUE"], {"limit": wanted.limit + 1, "far": _NO_TERM}
        for number, word in enumerate(fold(wanted.text).split()[:8]):
            escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            where.append(f"search LIKE :word{number}")
            values[f"word{number}"] = f"%{escaped}%"
        if wanted.due_before is not None:
            where.append("due_on < :due_before")
            values["due_before"] = wanted.due_before
        counts = self._connection.execute(
            text(f"SELECT status, count(*) AS n FROM applications WHERE {' AND '.join(where)} GROUP BY status"),  # noqa: S608
            values,
        ).all()
        if wanted.statuses is not None:
            where.append("status = ANY(:statuses)")
            values["statuses"] = [status.value for status in wanted.statuses]
        if wanted.cursor is not None:
            due, reference = _read_cursor(wanted.cursor)
            where.append("(coalesce(due_on, :far), reference) > (:after_due, :after_reference)")
            values |= {"after_due": due, "after_reference": reference}
        rows = self._connection.execute(
            text(
                f"SELECT * FROM applications WHERE {' AND '.join(where)} "  # noqa: S608
                "ORDER BY coalesce(due_on, '9999-12-31'::date), reference LIMIT :limit"
            ),
            values,
        ).all()
        found = [self._application(row) for row in rows[: wanted.limit]]
        more = len(rows) > wanted.limit
        return QueuePage(
            applications=found,
            next_cursor=f"{(found[-1].due_on or _NO_TERM).isoformat()}~{found[-1].reference}" if more else None,
            counts={Status(row.status): row.n for row in counts},
        )

    def _row(self, application: Application) -> dict[str, Any]:
        row = {name: getattr(application, name) for name in self._COLUMNS if name not in ("pesel_encrypted", "search")}
        row["pesel_encrypted"] = self._fernet.encrypt(application.pesel.encode()) if application.pesel else None
        data = application.data
        row["search"] = fold(
            " ".join(
                [
                    application.reference,
                    application.applicant,
                    *application.contact_person,
                    data["customer_number"],
                    data["email"],
                    "".join((data.get("phone") or "").split()),
                ]
            )
        )
        return row

    def _application(self, row: Row[Any]) -> Application:
        values = dict(row._mapping)
        values.pop("search")
        encrypted = values.pop("pesel_encrypted")
        values["pesel"] = self._fernet.decrypt(bytes(encrypted)).decode() if encrypted else None
        values["status"], values["channel"] = Status(row.status), Channel(row.channel)
        values["customer_type"] = CustomerType(row.customer_type)
        values["nonce"] = bytes(row.nonce)
        values["confirmation_nonce"] = bytes(row.confirmation_nonce) if row.confirmation_nonce else None
        return Application(**values)


class _Accounts:
    _COLUMNS = (
        "login",
        "reference",
        "state",
        "step",
        "created_at",
        "nonce",
        "user_id",
        "attempts",
        "trouble",
        "trouble_since",
        "next_attempt_at",
        "password_expires_at",
        "mail_accepted_at",
        "activated_at",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def reserve_login(self, login: str, reference: str, at: datetime) -> bool:
        done = self._connection.execute(
            text("INSERT INTO issued_logins VALUES (:login, :reference, :at) ON CONFLICT DO NOTHING"),
            {"login": login.lower(), "reference": reference, "at": at},
        )
        return done.rowcount == 1

    def add(self, account: Account) -> None:
        names = ", ".join(self._COLUMNS)
        values = ", ".join(f":{name}" for name in self._COLUMNS)
        self._connection.execute(text(f"INSERT INTO accounts ({names}) VALUES ({values})"), self._row(account))  # noqa: S608

    def get(self, login: str) -> Account:
        return self._one("login = :value", login.lower()) or _raise(NotFound(login))

    def by_reference(self, reference: str, *, for_change: bool = False) -> Account | None:
        return self._one("reference = :value", reference, " FOR UPDATE" if for_change else "")

    def by_user_id(self, user_id: str) -> Account | None:
        return self._one("user_id = :value", user_id)

    def save(self, account: Account) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in self._COLUMNS if name != "login")
        self._connection.execute(text(f"UPDATE accounts SET {sets} WHERE login = :login"), self._row(account))  # noqa: S608

    def awaiting_first_login(self, limit: int, user_ids: list[str] | None = None) -> list[Account]:
        rows = self._connection.execute(
            text(
                "UPDATE accounts SET looked_at = now() WHERE login IN (SELECT login FROM accounts "
                "WHERE state = 'awaiting_first_login' AND user_id IS NOT NULL "
                "AND (CAST(:ids AS text[]) IS NULL OR user_id = ANY(CAST(:ids AS text[]))) "
                "ORDER BY looked_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING *"
            ),
            {"ids": user_ids, "limit": limit},
        ).all()
        return [_account(row) for row in rows]

    def waiting_too_long(self, since: datetime) -> list[Account]:
        rows = self._connection.execute(
            text("SELECT * FROM accounts WHERE trouble IS NOT NULL AND trouble_since < :since ORDER BY trouble_since LIMIT 100"),
            {"since": since},
        ).all()
        return [_account(row) for row in rows]

    def _one(self, condition: str, value: str, suffix: str = "") -> Account | None:
        row = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}{suffix}"), {"value": value}).first()  # noqa: S608
        return _account(row) if row else None

    def _row(self, account: Account) -> dict[str, Any]:
        return {name: getattr(account, name) for name in self._COLUMNS}


class _Mails:
    _COLUMNS = (
        "message_id",
        "reference",
        "kind",
        "recipient",
        "created_at",
        "state",
        "answer",
        "attempts",
        "next_attempt_at",
        "accepted_at",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, mail: Mail) -> None:
        names = ", ".join(self._COLUMNS)
        values = ", ".join(f":{name}" for name in self._COLUMNS)
        self._connection.execute(
            text(f"INSERT INTO mails ({names}) VALUES ({values})"),  # noqa: S608
            {name: getattr(mail, name) for name in self._COLUMNS},
        )

    def get(self, message_id: str) -> Mail | None:
        row = self._connection.execute(text("SELECT * FROM mails WHERE message_id = :id"), {"id": message_id}).first()
        return _mail(row) if row else None

    def save(self, mail: Mail) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in self._COLUMNS if name != "message_id")
        self._connection.execute(
            text(f"UPDATE mails SET {sets} WHERE message_id = :message_id"),  # noqa: S608
            {name: getattr(mail, name) for name in self._COLUMNS},
        )

    def of(self, reference: str) -> list[Mail]:
        rows = self._connection.execute(text("SELECT * FROM mails WHERE reference = :r ORDER BY created_at"), {"r": reference})
        return [_mail(row) for row in rows]


class _Documents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, document: Document) -> None:
        self._connection.execute(
            text(
                "INSERT INTO documents VALUES (:document_id, :reference, :kind, :name, :media_type, :sha256, :content, :created_at)"
            ),
            vars(document) | {"created_at": document.created_at or datetime.now(UTC)},
        )

    def of(self, reference: str) -> list[Document]:
        rows = self._connection.execute(
            text(
                "SELECT document_id, reference, kind, name, media_type, sha256, created_at FROM documents WHERE reference = :r ORDER BY created_at"
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
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Actor, str, str, dict[str, Any], datetime]] = []

    def write(self, actor: Actor, action: str, subject: str, details: dict[str, Any], at: datetime) -> None:
        self._waiting.append((actor, action, subject, details, at))

    def flush(self) -> None:
        if not self._waiting:
            return
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _AUDIT_LOCK})
        last = self._connection.execute(text("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")).first()
        number, previous = (last.number, last.hash) if last else (0, "0" * 64)
        for actor, action, subject, details, at in self._waiting:
            number += 1
            line = {
                "number": number,
                "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
                "actor": actor.name,
                "roles": sorted(actor.roles),
                "address": actor.address,
                "action": action,
                "subject": subject,
                "details": details,
            }
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
        rows = self._connection.execute(text("SELECT * FROM audit WHERE subject = :s ORDER BY number"), {"s": subject})
        return [_entry(row) for row in rows]

    def page(
        self, *, subject: str | None, actor: str | None, action: str | None, before: int | None, limit: int
    ) -> list[AuditEntry]:
        rows = self._connection.execute(
            text(
                "SELECT * FROM audit WHERE (CAST(:subject AS text) IS NULL OR subject = :subject) "
                "AND (CAST(:actor AS text) IS NULL OR actor = :actor) AND (CAST(:action AS text) IS NULL OR action = :action) "
                "AND (CAST(:before AS bigint) IS NULL OR number < :before) ORDER BY number DESC LIMIT :limit"
            ),
            {"subject": subject, "actor": actor, "action": action, "before": before, "limit": limit},
        )
        return [_entry(row) for row in rows]


class _Queue:
    def __init__(self, connection: Connection, jobs: Jobs) -> None:
        self._connection, self._jobs = connection, jobs

    def activate(self, reference: str) -> None:
        self._jobs.defer(self._connection.connection.driver_connection, "activate", reference=reference)

    def send_mail(self, message_id: str) -> None:
        self._jobs.defer(self._connection.connection.driver_connection, "send_mail", message_id=message_id)

    def confirm_first_login(self, reference: str) -> None:
        self._jobs.defer(self._connection.connection.driver_connection, "confirm_first_login", reference=reference)

    def note_password_help(self, login: str) -> None:
        self._jobs.defer(self._connection.connection.driver_connection, "note_password_help", login=login)


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
            _json("INSERT INTO idempotency_keys VALUES (:caller, :key, :fingerprint, :answer, :at)"),
            {"caller": caller, "key": key, "fingerprint": fingerprint, "answer": answer, "at": at},
        )


def chained_hash(previous: str, line: dict[str, Any]) -> str:
    """sha256 over the hash before and the line in canonical JSON."""
    canonical = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def fold(value: str) -> str:
    """Lower case without diacritics, for searching."""
    plain = unicodedata.normalize("NFKD", value.casefold().replace("ł", "l"))
    return "".join(character for character in plain if not unicodedata.combining(character)).replace("\0", "")


def _json(sql: str) -> Any:
    """A statement whose JSON parameters are sent as jsonb."""
    names = [name for name in ("data", "clauses", "signature", "answer", "details") if f":{name}" in sql]
    return text(sql).bindparams(*[bindparam(name, type_=JSONB(none_as_null=True)) for name in names])


def _read_cursor(cursor: str) -> tuple[date, str]:
    try:
        due, reference = cursor.split("~", 1)
        return date.fromisoformat(due), reference
    except ValueError:
        return date.min, ""  # an altered cursor starts from the beginning


def _account(row: Row[Any]) -> Account:
    values = {name: getattr(row, name) for name in _Accounts._COLUMNS}
    values["state"], values["step"] = AccountState(row.state), Step(row.step)
    values["trouble"] = Trouble(row.trouble) if row.trouble else None
    values["nonce"] = bytes(row.nonce) if row.nonce else None
    return Account(**values)


def _mail(row: Row[Any]) -> Mail:
    values = dict(row._mapping)
    return Mail(**{**values, "kind": MailKind(row.kind), "state": MailState(row.state)})


def _document(row: Row[Any], content: bytes) -> Document:
    return Document(row.document_id, row.reference, row.kind, row.name, row.media_type, row.sha256, content, row.created_at)


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        row.number, row.at, row.actor, tuple(row.roles), row.action, row.subject, row.details, row.previous_hash, row.hash
    )


def _raise(error: Exception) -> Any:
    raise error
