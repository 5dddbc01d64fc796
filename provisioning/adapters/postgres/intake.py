"""Incoming mail and scans."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from provisioning.adapters.postgres.documents import SIGNATURES, signatures_stored
from provisioning.adapters.postgres.rows import columns, every, first, raise_, update
from provisioning.domain.errors import NotFound
from provisioning.domain.intake import IntakeFile, IntakeItem, IntakeState

_FILE = "file_id, intake_id, place, name, media_type, sha256, refused, content, signatures"


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
            self._connection.execute(
                text(
                    f"INSERT INTO intake_files ({_FILE}, original) VALUES (:file_id, :intake_id, :place, :name, :media_type, "  # noqa: S608
                    ":sha256, :refused, :content, CAST(:signatures AS jsonb), :original)"
                ),
                vars(each) | {"signatures": signatures_stored(each.signatures)},
            )
        return True

    def get(self, intake_id: str, *, for_change: bool = False) -> IntakeItem:
        suffix = " FOR UPDATE" if for_change else ""
        return first(self._connection, IntakeItem, f"intake WHERE intake_id = :id{suffix}", id=intake_id) or raise_(
            NotFound(intake_id)
        )

    def save(self, item: IntakeItem) -> None:
        update(self._connection, "intake", "intake_id", item)

    def files_of(self, intake_id: str, *, with_originals: bool = False) -> list[IntakeFile]:
        columns = f"{_FILE}, original" if with_originals else f"{_FILE}, NULL AS original"
        statement = text(f"SELECT {columns} FROM intake_files WHERE intake_id = :id ORDER BY place")  # noqa: S608  # constants
        return [_intake_file(row) for row in self._connection.execute(statement, {"id": intake_id})]

    def file(self, intake_id: str, file_id: str) -> IntakeFile:
        statement = text(f"SELECT {_FILE}, NULL AS original FROM intake_files WHERE intake_id = :i AND file_id = :f")  # noqa: S608  # constants
        row = self._connection.execute(statement, {"i": intake_id, "f": file_id}).first()
        return _intake_file(row) if row is not None else raise_(NotFound(file_id))

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


def _intake_file(row: Row[Any]) -> IntakeFile:
    return IntakeFile(
        row.file_id,
        row.intake_id,
        row.place,
        row.name,
        row.media_type,
        row.sha256,
        row.refused,
        bytes(row.content),
        bytes(row.original) if row.original is not None else None,
        SIGNATURES.validate_python(row.signatures or []),
    )
