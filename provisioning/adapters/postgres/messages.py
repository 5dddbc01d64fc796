"""The outbox, and who got the morning's warnings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import every, first, insert, update
from provisioning.domain.mail import Mail


class PostgresMails:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, mail: Mail) -> None:
        insert(self._connection, "mails", mail)

    def get(self, message_id: str, *, for_change: bool = False) -> Mail | None:
        suffix = " FOR UPDATE" if for_change else ""
        return first(self._connection, Mail, f"mails WHERE message_id = :id{suffix}", id=message_id)

    def many(self, message_ids: Sequence[str]) -> dict[str, Mail]:
        found = every(self._connection, Mail, "mails WHERE message_id = ANY(:ids)", ids=list(message_ids))
        return {mail.message_id: mail for mail in found}

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


class PostgresDigests:
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
