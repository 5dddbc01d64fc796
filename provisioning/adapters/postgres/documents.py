"""Files of applications, and what was handed in byte by byte."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, text

from provisioning.domain.document import Document, Signature
from provisioning.domain.errors import NotFound

SIGNATURES = TypeAdapter(tuple[Signature, ...])


class PostgresDocuments:
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
                "signatures": signatures_stored(document.signatures),
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

    def references_with_files(self, references: Sequence[str]) -> set[str]:
        statement = text("SELECT DISTINCT reference FROM documents WHERE reference = ANY(:r)")
        return set(self._connection.execute(statement, {"r": list(references)}).scalars())

    def get(self, reference: str, document_id: str) -> Document:
        row = self._connection.execute(
            text("SELECT * FROM documents WHERE reference = :r AND document_id = :d"), {"r": reference, "d": document_id}
        ).first()
        if row is None:
            raise NotFound(document_id)
        return _document(row, bytes(row.content))


def signatures_stored(signatures: tuple[Signature, ...]) -> str | None:
    return SIGNATURES.dump_json(signatures).decode() if signatures else None


def _document(row: Row[Any], content: bytes) -> Document:
    signatures = SIGNATURES.validate_python(row.signatures or [])
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
