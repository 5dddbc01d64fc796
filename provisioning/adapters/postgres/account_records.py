"""What hangs on an account: address changes, wishes, erasures, incidents, what Keycloak reported."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import columns, every, first, insert, raise_, update, with_json
from provisioning.domain.account_records import AccountEvent, ChangeRequest, Incident
from provisioning.domain.email_change import EmailChange
from provisioning.domain.erasure import ErasureRequest
from provisioning.domain.errors import NotFound


class PostgresEmailChanges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, change: EmailChange) -> None:
        insert(self._connection, "email_changes", change)

    def get(self, change_id: str) -> EmailChange | None:
        return first(self._connection, EmailChange, "email_changes WHERE change_id = :id", id=change_id)

    def locked(self, change_id: str) -> EmailChange:
        found = first(self._connection, EmailChange, "email_changes WHERE change_id = :id FOR UPDATE", id=change_id)
        return found or raise_(NotFound(change_id))

    def save(self, change: EmailChange) -> None:
        update(self._connection, "email_changes", "change_id", change)

    def of(self, login: str) -> list[EmailChange]:
        return every(self._connection, EmailChange, "email_changes WHERE login = :l ORDER BY asked_at DESC", l=login)


class PostgresChangeRequests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ChangeRequest) -> None:
        insert(self._connection, "change_requests", request)

    def locked(self, request_id: str) -> ChangeRequest:
        found = first(self._connection, ChangeRequest, "change_requests WHERE request_id = :id FOR UPDATE", id=request_id)
        return found or raise_(NotFound(request_id))

    def save(self, request: ChangeRequest) -> None:
        update(self._connection, "change_requests", "request_id", request)

    def of(self, login: str) -> list[ChangeRequest]:
        return every(self._connection, ChangeRequest, "change_requests WHERE login = :l ORDER BY asked_at DESC", l=login)

    def waiting(self, limit: int) -> list[ChangeRequest]:
        condition = "change_requests WHERE outcome IS NULL ORDER BY asked_at LIMIT :limit"
        return every(self._connection, ChangeRequest, condition, limit=limit)


class PostgresErasures:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ErasureRequest) -> None:
        insert(self._connection, "erasure_requests", request)

    def locked(self, request_id: str) -> ErasureRequest:
        found = first(self._connection, ErasureRequest, "erasure_requests WHERE request_id = :id FOR UPDATE", id=request_id)
        return found or raise_(NotFound(request_id))

    def save(self, request: ErasureRequest) -> None:
        update(self._connection, "erasure_requests", "request_id", request)

    def page(self, limit: int) -> list[ErasureRequest]:
        condition = "erasure_requests ORDER BY decision IS NOT NULL, due_on, created_at LIMIT :limit"
        return every(self._connection, ErasureRequest, condition, limit=limit)

    def of(self, login: str) -> list[ErasureRequest]:
        return every(self._connection, ErasureRequest, "erasure_requests WHERE login = :l ORDER BY created_at", l=login)


class PostgresIncidents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, incident: Incident) -> None:
        insert(self._connection, "incidents", incident)

    def of(self, login: str) -> list[Incident]:
        return every(self._connection, Incident, "incidents WHERE login = :l ORDER BY at DESC", l=login)


class PostgresAccountEvents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: AccountEvent) -> bool:
        """False when it is known already."""
        names, values = columns(AccountEvent)
        statement = with_json(f"INSERT INTO account_events ({names}) VALUES ({values}) ON CONFLICT DO NOTHING", "details")  # noqa: S608
        return bool(self._connection.execute(statement, vars(event)).rowcount == 1)

    def known(self, event_ids: list[str]) -> set[str]:
        found = text("SELECT event_id FROM account_events WHERE event_id = ANY(:ids)")
        return set(self._connection.execute(found, {"ids": event_ids}).scalars())

    def of(self, login: str, kinds: tuple[str, ...], limit: int) -> list[AccountEvent]:
        condition = "account_events WHERE login = :l AND kind = ANY(:kinds) ORDER BY at DESC LIMIT :limit"
        return every(self._connection, AccountEvent, condition, l=login, kinds=list(kinds), limit=limit)

    def cursor(self, name: str) -> datetime | None:
        return self._connection.execute(text("SELECT at FROM cursors WHERE name = :n"), {"n": name}).scalar()

    def move_cursor(self, name: str, at: datetime) -> None:
        self._connection.execute(
            text("INSERT INTO cursors VALUES (:n, :at) ON CONFLICT (name) DO UPDATE SET at = greatest(cursors.at, excluded.at)"),
            {"n": name, "at": at},
        )
