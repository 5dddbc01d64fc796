"""Notes, claims, saved views, staff seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import every, first, insert, with_json
from provisioning.domain.desk import CaseClaim, CaseNote, SavedView, ScanChecked, StaffMember
from provisioning.domain.doubts import ScanCheck


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

    def add_scan_check(self, check: ScanChecked) -> None:
        insert(self._connection, "scan_checks", check)

    def drop_scan_checks(self, reference: str, what: Iterable[ScanCheck]) -> None:
        statement = text("DELETE FROM scan_checks WHERE reference = :r AND what = ANY(:w)")
        self._connection.execute(statement, {"r": reference, "w": [each.value for each in what]})

    def scan_checks_of(self, reference: str) -> list[ScanChecked]:
        return every(self._connection, ScanChecked, "scan_checks WHERE reference = :r ORDER BY what", r=reference)

    def scan_checks(self, references: Sequence[str]) -> dict[str, frozenset[ScanCheck]]:
        """What was seen on the scans of each of these; who has nothing is left out."""
        rows = self._connection.execute(
            text("SELECT reference, array_agg(what) AS seen FROM scan_checks WHERE reference = ANY(:r) GROUP BY reference"),
            {"r": list(references)},
        )
        return {row.reference: frozenset(ScanCheck(each) for each in row.seen) for row in rows}


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
