"""Incoming mail and scans."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import columns, every, first, insert, raise_, update
from provisioning.domain.errors import NotFound
from provisioning.domain.intake import IntakeFile, IntakeItem, IntakeState


class PostgresIntake:
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
        return first(self._connection, IntakeItem, f"intake WHERE intake_id = :id{suffix}", id=intake_id) or raise_(
            NotFound(intake_id)
        )

    def save(self, item: IntakeItem) -> None:
        update(self._connection, "intake", "intake_id", item)

    def files_of(self, intake_id: str) -> list[IntakeFile]:
        return every(self._connection, IntakeFile, "intake_files WHERE intake_id = :id ORDER BY place", id=intake_id)

    def file(self, intake_id: str, file_id: str) -> IntakeFile:
        found = first(self._connection, IntakeFile, "intake_files WHERE intake_id = :i AND file_id = :f", i=intake_id, f=file_id)
        return found or raise_(NotFound(file_id))

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
