"""The append-only chained audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.audit_chain import FIRST, AuditEntry, ChainedLine, chained_hash, line_content

_AUDIT_LOCK = 270_001


_PRIVATE = "private"


class PostgresAudit:
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
        action: AuditAction,
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

    def actors(self, subject: str, actions: tuple[AuditAction, ...]) -> set[str]:
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
