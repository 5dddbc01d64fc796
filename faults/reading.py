"""What is read in our tables, in Keycloak's and through its Admin API: the one module that knows how they look."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from argon2.low_level import Type, hash_secret_raw
from psycopg.rows import dict_row

from faults.ground import Ground

END_STATES = frozenset({"accepted", "refused", "failed", "bounced", "void"})
# A suspended account keeps its password mail back until it is resumed: nothing is half done there.
_HELD_BACK = "(a.state = 'suspended' OR (a.state = 'resigning' AND a.state_before = 'suspended'))"
_PAGE = 500


@dataclass(frozen=True)
class Account:
    """One account as our table says.

    Attributes:
        may_log_in: whether Keycloak should let this person in.
        gone: whether Keycloak should hold no user.
        differences: what has not been carried out, in words; empty when nothing differs.
        trouble: what a person is told it waits for.
    """

    login: str
    reference: str
    state: str
    email: str
    user_id: str | None
    numbers: tuple[str, ...]
    may_log_in: bool
    gone: bool
    activated: bool
    in_doubt: bool
    suspended: bool
    differences: tuple[str, ...]
    trouble: str | None
    row: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """One row of a mail."""

    message_id: str
    reference: str
    kind: str
    recipient: str
    state: str
    answer: str
    attempts: int
    created_at: datetime
    accepted_at: datetime | None


@dataclass(frozen=True)
class Line:
    """One line of the audit."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Credential:
    """A password Keycloak holds, of type `password` or `ibok-temporary-password`."""

    type: str
    created_at: float
    salt: bytes = field(repr=False)
    value: bytes = field(repr=False)
    parameters: dict[str, Any] = field(repr=False)

    def is_of(self, password: str) -> bool:
        more = self.parameters["additionalParameters"]
        found = hash_secret_raw(
            password.encode(),
            self.salt,
            time_cost=int(self.parameters["hashIterations"]),
            memory_cost=int(more["memory"][0]),
            parallelism=int(more["parallelism"][0]),
            hash_len=int(more["hashLength"][0]),
            type={"id": Type.ID, "i": Type.I, "d": Type.D}[more["type"][0]],
            version=19 if more["version"][0] == "1.3" else 16,
        )
        return found == self.value


def _rows(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        return connection.execute(statement, values).fetchall()


# -- our tables ----------------------------------------------------------------------------------


def references(ground: Ground, addresses: list[str]) -> dict[str, str]:
    """Which application was filed with an address."""
    statement = "SELECT data->>'email' AS email, reference FROM applications WHERE data->>'email' = ANY(%s)"
    return {row["email"]: row["reference"] for row in _rows(ground.database_url, statement, addresses)}


def applications(ground: Ground) -> dict[str, dict[str, Any]]:
    statement = "SELECT reference, status, data->>'email' AS email, filed_at, decided_at, pesel_encrypted FROM applications"
    return {row["reference"]: row for row in _rows(ground.database_url, statement)}


def accounts(ground: Ground) -> list[Account]:
    return [_account(row) for row in _rows(ground.database_url, "SELECT * FROM accounts ORDER BY login")]


def _account(row: dict[str, Any]) -> Account:
    access = {"awaiting_first_login", "active"}
    gone = row["state"] in ("deleted", "anonymised")
    differences = []
    suspended = "suspended" in (row["state"], row["state_before"] if row["state"] == "resigning" else None)
    if row["unsettled"] and not (suspended and row["nonce"] is not None):
        differences.append("something wanted is not so yet")
    if gone and row["nonce"] is not None:
        differences.append("the nonce is still there")
    return Account(
        login=row["login"],
        reference=row["reference"],
        state=row["state"],
        email=row["email"] or "",
        user_id=row["user_id"],
        numbers=tuple(row["customer_numbers"] or ()),
        may_log_in=row["state"] in access or (row["state"] == "resigning" and row["state_before"] in access),
        gone=gone,
        activated=row["activated_at"] is not None,
        in_doubt=row["address_doubt_at"] is not None,
        suspended=suspended,
        differences=tuple(differences),
        trouble=row["keycloak_trouble"] or row["address_trouble"] or row["mail_trouble"],
        row=row,
    )


def mails(ground: Ground) -> list[Mail]:
    names = "message_id, reference, kind, recipient, state, answer, attempts, created_at, accepted_at"
    return [Mail(**row) for row in _rows(ground.database_url, f"SELECT {names} FROM mails ORDER BY created_at")]


def audit(ground: Ground) -> list[Line]:
    names = "number, at, actor, action, subject, details"
    return [Line(**row) for row in _rows(ground.database_url, f"SELECT {names} FROM audit ORDER BY number")]


def issued_logins(ground: Ground) -> dict[str, str]:
    return {row["login"]: row["reference"] for row in _rows(ground.database_url, "SELECT login, reference FROM issued_logins")}


@dataclass(frozen=True)
class News:
    """One thing that other applications are told of an account, and what became of it."""

    event_id: str
    login: str
    number: int
    kind: str
    state: str
    delivery: str | None


def news(ground: Ground) -> list[News]:
    statement = (
        "SELECT n.event_id, n.login, n.number, n.kind, n.state, d.state AS delivery FROM account_news n "
        "LEFT JOIN webhook_deliveries d USING (event_id) ORDER BY n.position"
    )
    return [News(**row) for row in _rows(ground.database_url, statement)]


def known_to_the_receiver(ground: Ground) -> tuple[set[str], dict[str, str]]:
    """What the application has: ids of events, and the state of each account as it was told last."""
    with closing(sqlite3.connect(ground.state / "invoices.sqlite", timeout=30)) as connection:
        used = {row[0] for row in connection.execute("SELECT id FROM used")}
        return used, dict(connection.execute("SELECT login, state FROM accounts"))


def waiting(ground: Ground) -> dict[str, int]:
    """What has not come to rest, by kind; empty when nothing waits."""
    statement = f"""
        SELECT 'job ' || task_name AS kind, count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1
        UNION ALL SELECT 'mail ' || m.state, count(*) FROM mails m LEFT JOIN accounts a USING (reference)
            WHERE m.state IN ('queued', 'deferred') AND NOT coalesce(m.kind = 'activated' AND {_HELD_BACK}, false) GROUP BY 1
        UNION ALL SELECT 'account not settled', count(*) FROM accounts a
            WHERE unsettled AND NOT (keycloak_blocked OR (nonce IS NOT NULL AND {_HELD_BACK}))
        UNION ALL SELECT 'account due to be closed or deleted', count(*) FROM accounts
            WHERE (state = 'resigning' AND closes_on <= current_date) OR (state = 'closed' AND delete_on <= current_date)
            OR (state = 'deleted' AND anonymise_on <= current_date)
        UNION ALL SELECT 'webhook to be made', count(*) FROM account_news n JOIN webhook_receivers r ON n.position > r.position
        UNION ALL SELECT 'webhook', count(*) FROM webhook_deliveries WHERE state = 'waiting'
        UNION ALL SELECT 'reset ' || step, count(*) FROM password_resets WHERE step IN ('reserved', 'set') GROUP BY 1
    """
    return {row["kind"]: row["count"] for row in _rows(ground.database_url, statement) if row["count"]}


def hurry(ground: Ground) -> None:
    """Nobody waits out a pause of a quarter of an hour: what waits is tried now."""
    for statement in (
        "UPDATE accounts SET look_at = NULL, keycloak_next_at = NULL, mail_next_at = NULL "
        "WHERE login IN (SELECT login FROM accounts WHERE unsettled FOR UPDATE SKIP LOCKED) RETURNING login",
        "UPDATE webhook_deliveries SET next_at = NULL WHERE state = 'waiting' RETURNING position",
        "UPDATE webhook_receivers SET next_at = NULL RETURNING name",
        "UPDATE mails SET next_attempt_at = NULL WHERE state = 'deferred' RETURNING message_id",
    ):
        _rows(ground.database_url, statement)
    _rows(
        ground.database_url,
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now() RETURNING id",
    )


def backends(ground: Ground) -> list[int]:
    """Pids of the PostgreSQL processes that serve our database."""
    name = ground.database_url.rsplit("/", 1)[1]
    statement = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() ORDER BY pid"
    return [row["pid"] for row in _rows(ground.superuser_url(), statement, name)]


def end_backend(ground: Ground, pid: int) -> None:
    """The connection of one backend is ended by an administrator."""
    _rows(ground.superuser_url(), "SELECT pg_terminate_backend(%s)", pid)


# -- Keycloak ------------------------------------------------------------------------------------


def users(ground: Ground) -> list[dict[str, Any]]:
    """Every user of the realm with attributes, through the Admin API."""
    found: list[dict[str, Any]] = []
    while True:
        answer = ground.people.admin("GET", f"/users?briefRepresentation=false&first={len(found)}&max={_PAGE}")
        answer.raise_for_status()
        found += answer.json()
        if len(answer.json()) < _PAGE:
            return found


def credentials(ground: Ground) -> dict[str, list[Credential]]:
    """The passwords of each user id."""
    statement = "SELECT user_id, type, created_date, secret_data, credential_data FROM credential"
    found: dict[str, list[Credential]] = {}
    for row in _rows(ground.superuser_url("ibok_keycloak"), statement):
        if row["type"] not in ("password", "ibok-temporary-password"):
            continue
        secret = json.loads(row["secret_data"])
        made = Credential(
            row["type"],
            (row["created_date"] or 0) / 1000,
            base64.b64decode(secret["salt"]),
            base64.b64decode(secret["value"]),
            json.loads(row["credential_data"]),
        )
        found.setdefault(row["user_id"], []).append(made)
    return found


def left_in_keycloak(ground: Ground, words: list[str], user_ids: list[str]) -> list[str]:
    """Where Keycloak's tables still hold one of these logins or addresses, or a row of one of these users."""
    url = ground.superuser_url("ibok_keycloak")
    found = []
    for table, column in (("user_entity", "username"), ("user_entity", "email"), ("user_attribute", "value")):
        statement = f"SELECT {column} AS found FROM {table} WHERE {column} = ANY(%s)"
        found += [f"{table}.{column} = {row['found']}" for row in _rows(url, statement, words)]
    for table in ("credential", "user_group_membership", "user_attribute", "user_required_action", "offline_user_session"):
        statement = f"SELECT user_id AS found FROM {table} WHERE user_id = ANY(%s)"
        found += [f"{table} of user {row['found']}" for row in _rows(url, statement, user_ids)]
    return found
