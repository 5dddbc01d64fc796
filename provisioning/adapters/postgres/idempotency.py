"""Answers already given to repeated calls."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import with_json


class PostgresIdempotency:
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
