"""PostgreSQL: one transaction a `Work`, all SQL of provisioning, the append-only chained audit."""

from __future__ import annotations

import hashlib
import json
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, TypeVar, get_args, get_origin, get_type_hints

from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from sqlalchemy import Connection, Engine, Row, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.sql import bindparam

from provisioning.domain.account import GONE, Account, AccountState
from provisioning.domain.application import OPEN, Application, Channel, CustomerType, Status
from provisioning.domain.audit_chain import FIRST, ChainedLine, chained_hash, line_content
from provisioning.domain.email_change import EmailChange
from provisioning.domain.erasure import ErasureRequest
from provisioning.domain.errors import FieldError, Invalid, NotFound
from provisioning.domain.login_names import reference as make_reference
from provisioning.domain.password_reset import PasswordReset
from provisioning.domain.register_match import RegisterCustomer
from provisioning.ports import (
    AccountEvent,
    Actor,
    Alike,
    AuditEntry,
    CaseClaim,
    CaseNote,
    ChangeRequest,
    Document,
    Incident,
    Mail,
    QueueFilter,
    QueuePage,
    TermsAnswer,
    Work,
)

_Thing = TypeVar("_Thing")
_AUDIT_LOCK = 270_001
_NO_TERM = date(9999, 12, 31)
_PRIVATE = "private"
_APPLICATION = ("data", "clauses", "signature")


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

    def __init__(self, engine: Engine, fernet: Fernet, fingerprint: Callable[[str], str], jobs: Jobs) -> None:
        self._engine, self._fernet, self._fingerprint, self._jobs = engine, fernet, fingerprint, jobs

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        try:
            with self._engine.begin() as connection:
                work = _Transaction(connection, self._fernet, self._fingerprint, self._jobs)
                yield work
                work.audit.flush()
        except DataError as error:  # NUL and lone surrogates: PostgreSQL cannot hold them, so nothing can be named so
            raise Invalid([FieldError("body", "invalid_characters")]) from error
        except OperationalError as error:
            raise DatabaseGone("PostgreSQL does not answer.") from error

    @contextmanager
    def only_one(self, name: str, patience: float = 0) -> Iterator[bool]:
        """Hold a lock that dies with this process; yields False when another still holds it after `patience` seconds."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        try:
            with self._engine.connect() as plain:
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
        except OperationalError as error:
            raise DatabaseGone("PostgreSQL does not answer.") from error


class _Transaction:
    def __init__(self, connection: Connection, fernet: Fernet, fingerprint: Callable[[str], str], jobs: Jobs) -> None:
        self.applications = _Applications(connection, fernet, fingerprint)
        self.accounts = _Accounts(connection)
        self.resets = _PasswordResets(connection)
        self.email_changes = _EmailChanges(connection)
        self.change_requests = _ChangeRequests(connection)
        self.terms = _Terms(connection)
        self.erasures = _Erasures(connection)
        self.incidents = _Incidents(connection)
        self.events = _AccountEvents(connection)
        self.register = _Register(connection)
        self.cases = _Cases(connection)
        self.mails = _Mails(connection)
        self.documents = _Documents(connection)
        self.audit = _Audit(connection, fernet)
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
        "pesel_fingerprint",
    )
    _DERIVED = ("pesel_encrypted", "search", "pesel_fingerprint")

    def __init__(self, connection: Connection, fernet: Fernet, fingerprint: Callable[[str], str]) -> None:
        self._connection, self._fernet, self._fingerprint = connection, fernet, fingerprint

    def new_reference(self, year: int) -> str:
        number = self._connection.execute(text("SELECT nextval('application_numbers')")).scalar_one()
        return make_reference(year, number)

    def add(self, application: Application) -> None:
        names = ", ".join(self._COLUMNS)
        values = ", ".join(f":{name}" for name in self._COLUMNS)
        statement = _json(f"INSERT INTO applications ({names}) VALUES ({values})", *_APPLICATION)  # noqa: S608
        self._connection.execute(statement, self._row(application))

    def get(self, reference: str, *, for_change: bool = False) -> Application:
        suffix = " FOR UPDATE" if for_change else ""
        row = self._connection.execute(text(f"SELECT * FROM applications WHERE reference = :r{suffix}"), {"r": reference}).first()  # noqa: S608
        if row is None:
            raise NotFound(reference)
        return self._application(row)

    def save(self, application: Application) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in self._COLUMNS if name != "reference")
        statement = _json(f"UPDATE applications SET {sets} WHERE reference = :reference", *_APPLICATION)  # noqa: S608
        self._connection.execute(statement, self._row(application))

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

    def alike(self, application: Application, limit: int) -> list[Alike]:
        asked = {
            "pesel": self._fingerprint(application.pesel) if application.pesel else None,
            "tax_id": application.data.get("tax_id"),
            "number": application.data["customer_number"],
            "email": application.data["email"].lower() if application.data["email"] else None,
        }
        rows = self._connection.execute(
            text(
                "WITH alike AS (SELECT reference FROM applications WHERE pesel_fingerprint = :pesel OR data->>'tax_id' = :tax_id"
                " OR data->>'customer_number' = :number OR lower(data->>'email') = :email"
                " UNION SELECT reference FROM accounts WHERE lower(email) = :email)"
                " SELECT a.*, c.login, c.state, c.email AS account_email FROM alike JOIN applications a USING (reference)"
                " LEFT JOIN accounts c USING (reference)"
                " WHERE reference <> :itself AND (a.status = ANY(:open) OR c.state <> ALL(:gone))"
                " ORDER BY a.received_at DESC, reference LIMIT :limit"
            ),
            asked
            | {"itself": application.reference, "open": [s.value for s in OPEN], "gone": [s.value for s in GONE], "limit": limit},
        ).all()
        return [
            Alike(row.reference, Status(row.status), row.login, AccountState(row.state) if row.state else None, _shared(asked, row))
            for row in rows
        ]

    def _row(self, application: Application) -> dict[str, Any]:
        row = {name: getattr(application, name) for name in self._COLUMNS if name not in self._DERIVED}
        row["pesel_encrypted"] = self._fernet.encrypt(application.pesel.encode()) if application.pesel else None
        row["pesel_fingerprint"] = self._fingerprint(application.pesel) if application.pesel else None
        data = application.data
        row["search"] = fold(
            " ".join(
                [
                    application.reference,
                    application.applicant,
                    *application.contact_person,
                    data["customer_number"] or "",
                    data["email"] or "",
                    "".join((data.get("phone") or "").split()),
                ]
            )
        )
        return row

    def _application(self, row: Row[Any]) -> Application:
        values = dict(row._mapping)
        values.pop("search"), values.pop("pesel_fingerprint")
        encrypted = values.pop("pesel_encrypted")
        values["pesel"] = self._fernet.decrypt(bytes(encrypted)).decode() if encrypted else None
        values["status"], values["channel"] = Status(row.status), Channel(row.channel)
        values["customer_type"] = CustomerType(row.customer_type)
        values["nonce"] = bytes(row.nonce)
        values["confirmation_nonce"] = bytes(row.confirmation_nonce) if row.confirmation_nonce else None
        return Application(**values)


def _shared(asked: dict[str, str | None], row: Row[Any]) -> tuple[str, ...]:
    """What a row found by `alike` has in common with what was asked; an account's address may have changed since filing."""
    theirs = {
        "pesel": {row.pesel_fingerprint},
        "tax_id": {row.data.get("tax_id")},
        "number": {row.data["customer_number"]},
        "email": {address.lower() for address in (row.account_email, row.data["email"]) if address},
    }
    return tuple(what for what, values in theirs.items() if asked[what] and asked[what] in values)


class _Accounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def reserve_login(self, login: str, reference: str, at: datetime) -> bool:
        done = self._connection.execute(
            text("INSERT INTO issued_logins VALUES (:login, :reference, :at) ON CONFLICT DO NOTHING"),
            {"login": login.lower(), "reference": reference, "at": at},
        )
        return done.rowcount == 1

    def add(self, account: Account) -> None:
        _insert(self._connection, "accounts", account)

    def get(self, login: str) -> Account:
        return self._one("login = :value", login.lower()) or _raise(NotFound(login))

    def locked(self, login: str) -> Account:
        return self._one("login = :value", login.lower(), " FOR UPDATE") or _raise(NotFound(login))

    def by_reference(self, reference: str, *, for_change: bool = False) -> Account | None:
        return self._one("reference = :value", reference, " FOR UPDATE" if for_change else "")

    def by_user_id(self, user_id: str) -> Account | None:
        return self._one("user_id = :value", user_id)

    def save(self, account: Account) -> None:
        _update(self._connection, "accounts", "login", account)

    def save_making(self, account: Account) -> None:
        """Only what the making of an account writes: staff may change the rest meanwhile."""
        names = (
            "step",
            "user_id",
            "attempts",
            "trouble",
            "trouble_since",
            "next_attempt_at",
            "password_expires_at",
            "mail_accepted_at",
        )
        sets = ", ".join(f"{name} = :{name}" for name in names)
        self._connection.execute(
            text(
                f"UPDATE accounts SET {sets}, nonce = CASE WHEN state IN ('deleted', 'anonymised') THEN NULL ELSE CAST(:nonce AS bytea) END "  # noqa: S608
                "WHERE login = :login AND activation = :activation"
            ),
            {name: getattr(account, name) for name in (*names, "nonce", "login", "activation")},
        )

    def due(self, today: date, limit: int) -> list[Account]:
        """Accounts whose day has come to be closed, deleted or anonymised."""
        return self._all(
            "(state = 'resigning' AND closes_on <= :today) OR (state = 'closed' AND delete_on <= :today) "
            "OR (state = 'deleted' AND anonymise_on <= :today) ORDER BY login LIMIT :limit",
            today=today,
            limit=limit,
        )

    def pending_in_keycloak(self, limit: int) -> list[str]:
        found = self._connection.execute(
            text("SELECT login FROM accounts WHERE keycloak_pending ORDER BY login LIMIT :limit"), {"limit": limit}
        )
        return [row.login for row in found]

    def after(self, login: str, limit: int) -> list[Account]:
        return self._all("login > :login ORDER BY login LIMIT :limit", login=login, limit=limit)

    def without_terms_notice(self, terms_version: str, limit: int) -> list[Account]:
        return self._all(
            "state IN ('active', 'awaiting_first_login', 'suspended') "
            "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.kind = 'terms_announced' "
            "AND m.about->>'terms_version' = :version) "
            "AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.reference = accounts.reference AND a.terms_version = :version) "
            "ORDER BY login LIMIT :limit",
            version=terms_version,
            limit=limit,
        )

    def forget(self, account: Account) -> None:
        """Everything of the person that rests in tables of their account; the account row itself is saved apart."""
        for statement in (
            "DELETE FROM email_changes WHERE login = :login",
            "DELETE FROM change_requests WHERE login = :login",
            "DELETE FROM password_resets WHERE login = :login",
            "DELETE FROM account_events WHERE login = :login",
            "UPDATE incidents SET address = '', note = NULL WHERE login = :login",
            "UPDATE erasure_requests SET ground = NULL WHERE login = :login",
            "UPDATE mails SET recipient = '', answer = '', about = '{}' WHERE reference = :reference",
            "DELETE FROM documents WHERE reference = :reference",
            "DELETE FROM case_notes WHERE reference = :reference",
            "DELETE FROM audit_keys WHERE subject = :reference",
        ):
            parameters = {"login": account.login} if ":login" in statement else {"reference": account.reference}
            self._connection.execute(text(statement), parameters)

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
        return [_read(Account, row) for row in rows]

    def waiting_too_long(self, since: datetime) -> list[Account]:
        return self._all("trouble IS NOT NULL AND trouble_since < :since ORDER BY trouble_since LIMIT 100", since=since)

    def _all(self, condition: str, **values: Any) -> list[Account]:
        rows = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}"), values).all()  # noqa: S608
        return [_read(Account, row) for row in rows]

    def _one(self, condition: str, value: str, suffix: str = "") -> Account | None:
        row = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}{suffix}"), {"value": value}).first()  # noqa: S608
        return _read(Account, row) if row else None


class _PasswordResets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, reset: PasswordReset) -> None:
        _insert(self._connection, "password_resets", reset)

    def get(self, reset_id: str) -> PasswordReset | None:
        return _first(self._connection, PasswordReset, "password_resets WHERE reset_id = :id", id=reset_id)

    def save(self, reset: PasswordReset) -> None:
        _update(self._connection, "password_resets", "reset_id", reset)

    def mailed_since(self, login: str, since: datetime) -> list[datetime]:
        rows = self._connection.execute(
            text("SELECT asked_at FROM password_resets WHERE login = :l AND asked_at > :s AND outcome IN ('issued', 'refused')"),
            {"l": login, "s": since},
        )
        return [row.asked_at for row in rows]

    def open_of(self, login: str) -> list[PasswordReset]:
        return _every(self._connection, PasswordReset, "password_resets WHERE login = :l AND step IN ('reserved', 'set')", l=login)

    def newest_of(self, login: str) -> PasswordReset | None:
        condition = "password_resets WHERE login = :l AND outcome = 'issued' ORDER BY asked_at DESC LIMIT 1"
        return _first(self._connection, PasswordReset, condition, l=login)

    def count_since(self, since: datetime) -> int:
        count = text("SELECT count(*) FROM password_resets WHERE asked_at > :since")
        return int(self._connection.execute(count, {"since": since}).scalar_one())


class _EmailChanges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, change: EmailChange) -> None:
        _insert(self._connection, "email_changes", change)

    def locked(self, change_id: str) -> EmailChange:
        found = _first(self._connection, EmailChange, "email_changes WHERE change_id = :id FOR UPDATE", id=change_id)
        return found or _raise(NotFound(change_id))

    def save(self, change: EmailChange) -> None:
        _update(self._connection, "email_changes", "change_id", change)

    def of(self, login: str) -> list[EmailChange]:
        return _every(self._connection, EmailChange, "email_changes WHERE login = :l ORDER BY asked_at DESC", l=login)


class _ChangeRequests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ChangeRequest) -> None:
        _insert(self._connection, "change_requests", request)

    def locked(self, request_id: str) -> ChangeRequest:
        found = _first(self._connection, ChangeRequest, "change_requests WHERE request_id = :id FOR UPDATE", id=request_id)
        return found or _raise(NotFound(request_id))

    def save(self, request: ChangeRequest) -> None:
        _update(self._connection, "change_requests", "request_id", request)

    def of(self, login: str) -> list[ChangeRequest]:
        return _every(self._connection, ChangeRequest, "change_requests WHERE login = :l ORDER BY asked_at DESC", l=login)

    def waiting(self, limit: int) -> list[ChangeRequest]:
        condition = "change_requests WHERE outcome IS NULL ORDER BY asked_at LIMIT :limit"
        return _every(self._connection, ChangeRequest, condition, limit=limit)


class _Terms:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, answer: TermsAnswer) -> bool:
        """False when this version was answered before: the first answer stands."""
        names, values = _columns(TermsAnswer)
        statement = text(f"INSERT INTO terms_acceptances ({names}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608
        return self._connection.execute(statement, vars(answer)).rowcount == 1

    def of(self, login: str) -> list[TermsAnswer]:
        return _every(self._connection, TermsAnswer, "terms_acceptances WHERE login = :l ORDER BY at", l=login)

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
        return [_read(Account, row) for row in rows]


_ANSWERS = (
    "FROM accounts JOIN applications p USING (reference) "
    "LEFT JOIN terms_acceptances t ON t.login = accounts.login AND t.terms_version = :v "
    "WHERE accounts.state NOT IN ('closed', 'deleted', 'anonymised')"
)


class _Erasures:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ErasureRequest) -> None:
        _insert(self._connection, "erasure_requests", request)

    def locked(self, request_id: str) -> ErasureRequest:
        found = _first(self._connection, ErasureRequest, "erasure_requests WHERE request_id = :id FOR UPDATE", id=request_id)
        return found or _raise(NotFound(request_id))

    def save(self, request: ErasureRequest) -> None:
        _update(self._connection, "erasure_requests", "request_id", request)

    def page(self, limit: int) -> list[ErasureRequest]:
        condition = "erasure_requests ORDER BY decision IS NOT NULL, due_on, created_at LIMIT :limit"
        return _every(self._connection, ErasureRequest, condition, limit=limit)

    def of(self, login: str) -> list[ErasureRequest]:
        return _every(self._connection, ErasureRequest, "erasure_requests WHERE login = :l ORDER BY created_at", l=login)


class _Incidents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, incident: Incident) -> None:
        _insert(self._connection, "incidents", incident)

    def of(self, login: str) -> list[Incident]:
        return _every(self._connection, Incident, "incidents WHERE login = :l ORDER BY at DESC", l=login)


class _Cases:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_note(self, note: CaseNote) -> None:
        _insert(self._connection, "case_notes", note)

    def notes_of(self, reference: str) -> list[CaseNote]:
        return _every(self._connection, CaseNote, "case_notes WHERE reference = :r ORDER BY at", r=reference)

    def claim_of(self, reference: str) -> CaseClaim | None:
        return _first(self._connection, CaseClaim, "case_claims WHERE reference = :r", r=reference)

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


class _Register:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, customer_number: str) -> RegisterCustomer | None:
        return _first(
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
        names, values = _columns(AccountEvent)
        statement = _json(f"INSERT INTO account_events ({names}) VALUES ({values}) ON CONFLICT DO NOTHING", "details")  # noqa: S608
        return bool(self._connection.execute(statement, vars(event)).rowcount == 1)

    def of(self, login: str, kinds: tuple[str, ...], limit: int) -> list[AccountEvent]:
        condition = "account_events WHERE login = :l AND kind = ANY(:kinds) ORDER BY at DESC LIMIT :limit"
        return _every(self._connection, AccountEvent, condition, l=login, kinds=list(kinds), limit=limit)

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
        _insert(self._connection, "mails", mail)

    def get(self, message_id: str) -> Mail | None:
        return _first(self._connection, Mail, "mails WHERE message_id = :id", id=message_id)

    def save(self, mail: Mail) -> None:
        _update(self._connection, "mails", "message_id", mail)

    def of(self, reference: str) -> list[Mail]:
        return _every(self._connection, Mail, "mails WHERE reference = :r ORDER BY created_at", r=reference)


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

    def activate(self, reference: str) -> None:
        self._defer("activate", reference=reference)

    def send_mail(self, message_id: str) -> None:
        self._defer("send_mail", message_id=message_id)

    def confirm_first_login(self, reference: str) -> None:
        self._defer("confirm_first_login", reference=reference)

    def request_new_password(self, login: str) -> None:
        self._defer("request_new_password", login=login)

    def issue_new_password(self, reset_id: str) -> None:
        self._defer("issue_new_password", reset_id=reset_id)

    def carry_out(self, login: str) -> None:
        self._defer("carry_out", login=login)

    def make_mailed_passwords_useless(self, login: str) -> None:
        self._defer("make_mailed_passwords_useless", login=login)

    def _defer(self, task: str, **arguments: str) -> None:
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
            _json("INSERT INTO idempotency_keys VALUES (:caller, :key, :fingerprint, :answer, :at)", "answer"),
            {"caller": caller, "key": key, "fingerprint": fingerprint, "answer": answer, "at": at},
        )


def fold(value: str) -> str:
    """Lower case without diacritics, for searching."""
    plain = unicodedata.normalize("NFKD", value.casefold().replace("ł", "l"))
    return "".join(character for character in plain if not unicodedata.combining(character)).replace("\0", "")


def _json(sql: str, *names: str) -> Any:
    """A statement whose named parameters are sent as jsonb."""
    return text(sql).bindparams(*[bindparam(name, type_=JSONB(none_as_null=True)) for name in names])


# -- rows of plain dataclasses: a column a field, by name -------------------------------------------------------------


def _columns(kind: type[Any]) -> tuple[str, str]:
    names = [each.name for each in fields(kind)]
    return ", ".join(names), ", ".join(f":{name}" for name in names)


def _insert(connection: Connection, table: str, thing: Any) -> None:
    names, values = _columns(type(thing))
    connection.execute(_json(f"INSERT INTO {table} ({names}) VALUES ({values})", *_documents(type(thing))), vars(thing))  # noqa: S608


def _update(connection: Connection, table: str, key: str, thing: Any) -> None:
    sets = ", ".join(f"{each.name} = :{each.name}" for each in fields(thing) if each.name != key)
    connection.execute(_json(f"UPDATE {table} SET {sets} WHERE {key} = :{key}", *_documents(type(thing))), vars(thing))  # noqa: S608


def _first(connection: Connection, kind: type[_Thing], condition: str, **values: Any) -> _Thing | None:
    row = connection.execute(text(f"SELECT * FROM {condition}"), values).first()  # noqa: S608
    return _read(kind, row) if row else None


def _every(connection: Connection, kind: type[_Thing], condition: str, **values: Any) -> list[_Thing]:
    return [_read(kind, row) for row in connection.execute(text(f"SELECT * FROM {condition}"), values)]  # noqa: S608


def _read(kind: type[_Thing], row: Row[Any]) -> _Thing:
    """One row as its dataclass; codes become what the annotations say."""
    types = _types(kind)
    return kind(**{name: _as(types[name], getattr(row, name)) for name in types})


def _documents(kind: type[Any]) -> list[str]:
    """The fields that are JSON documents."""
    return [name for name, hint in _types(kind).items() if {get_origin(each) for each in (hint, *get_args(hint))} & {dict, list}]


def _types(kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = _types_of(kind)  # type: ignore[arg-type]  # a type is hashable
    return found


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _as(wanted: Any, value: Any) -> Any:
    if value is None:
        return None
    for option in get_args(wanted) or (wanted,):
        if isinstance(option, type) and issubclass(option, StrEnum):
            return option(value)
    return bytes(value) if isinstance(value, memoryview) else value


def _read_cursor(cursor: str) -> tuple[date, str]:
    try:
        due, reference = cursor.split("~", 1)
        return date.fromisoformat(due), reference
    except ValueError:
        return date.min, ""  # an altered cursor starts from the beginning


def _document(row: Row[Any], content: bytes) -> Document:
    return Document(row.document_id, row.reference, row.kind, row.name, row.media_type, row.sha256, content, row.created_at)


def _raise(error: Exception) -> Any:
    raise error
