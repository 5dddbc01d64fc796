"""Notes, claims, saved views, staff seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import every, first, insert, with_json
from provisioning.domain.desk import CaseClaim, CaseNote, SavedView, StaffMember


class PostgresCases:
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


class PostgresDesk:
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
