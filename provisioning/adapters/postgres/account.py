"""Accounts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.news import PostgresNews
from provisioning.adapters.postgres.retention import forget_traces
from provisioning.adapters.postgres.rows import first, insert, raise_, read, update, update_many
from provisioning.domain.account import Account
from provisioning.domain.errors import NotFound
from provisioning.domain.news import Known
from provisioning.domain.password_reset import PasswordReset


class PostgresAccounts:
    """Rows of accounts. Whatever changes one is told to other applications in the same transaction, whoever changed it."""

    def __init__(self, connection: Connection, news: PostgresNews) -> None:
        self._connection, self._news = connection, news

    def reserve_login(self, login: str, reference: str, at: datetime) -> bool:
        done = self._connection.execute(
            text("INSERT INTO issued_logins VALUES (:login, :reference, :at) ON CONFLICT DO NOTHING"),
            {"login": login.lower(), "reference": reference, "at": at},
        )
        return done.rowcount == 1

    def add(self, account: Account) -> None:
        account.unsettled = account.wants_keeping
        insert(self._connection, "accounts", account)
        self._news.changed(None, account)

    def get(self, login: str) -> Account:
        return self._one("login = :value", login.lower()) or raise_(NotFound(login))

    def locked(self, login: str) -> Account:
        return self._one("login = :value", login.lower(), " FOR UPDATE") or raise_(NotFound(login))

    def by_reference(self, reference: str, *, for_change: bool = False) -> Account | None:
        return self._one("reference = :value", reference, " FOR UPDATE" if for_change else "")

    def by_user_id(self, user_id: str) -> Account | None:
        return self._one("user_id = :value", user_id)

    def many(self, logins: Sequence[str], *, for_change: bool = False) -> list[Account]:
        """Those of them that are there, locked in the order of logins; returned in the order that was asked for."""
        suffix = " FOR UPDATE" if for_change else ""
        found = {each.login: each for each in self._all(f"login = ANY(:logins) ORDER BY login{suffix}", logins=list(logins))}
        return [found[login] for login in logins if login in found]

    def save(self, account: Account) -> None:
        self.save_many([account])

    def save_many(self, accounts: Sequence[Account]) -> None:
        before = {each.login: Known.of(each) for each in self.many([account.login for account in accounts])}
        for account in accounts:
            account.unsettled = account.wants_keeping
        update_many(self._connection, "accounts", "login", accounts)
        for account in accounts:
            self._news.changed(before[account.login], account)

    def with_customer_number(self, customer_number: str) -> list[Account]:
        return self._all("customer_numbers ? :number ORDER BY login LIMIT 50", number=customer_number)

    def due(self, today: date, limit: int) -> list[str]:
        """Accounts whose day has come to be closed, deleted or anonymised; none that still waits for others."""
        found = self._connection.execute(
            text(
                "SELECT login FROM accounts WHERE (state = 'resigning' AND closes_on <= :today) "
                "OR (state = 'closed' AND delete_on <= :today) OR (state = 'deleted' AND anonymise_on <= :today AND gone_in_keycloak "
                "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.state IN ('queued', 'deferred'))) "
                "ORDER BY random() LIMIT :limit"  # those that stick starve nobody
            ),
            {"today": today, "limit": limit},
        )
        return list(found.scalars())

    def to_be_kept(self, now: datetime, limit: int) -> list[str]:
        """Where something wanted is not so yet and it is time to look, in filing order. A lost wake-up loses nothing."""
        found = self._connection.execute(
            text(
                "SELECT login FROM accounts WHERE unsettled AND (look_at IS NULL OR look_at <= :now "
                "OR keycloak_trouble = 'keycloak_unavailable') ORDER BY created_at LIMIT :limit"
            ),
            {"now": now, "limit": limit},
        )
        return list(found.scalars())

    def to_be_made(self, now: datetime, limit: int) -> list[str]:
        """Whose first difference is that Keycloak holds no user, and whose time has come, in filing order."""
        found = self._connection.execute(
            text(
                "SELECT login FROM accounts WHERE unsettled AND user_id IS NULL AND nonce IS NOT NULL "
                "AND state NOT IN ('closed', 'deleted', 'anonymised') AND NOT keycloak_blocked AND (look_at IS NULL OR look_at <= :now "
                "OR keycloak_trouble = 'keycloak_unavailable') ORDER BY created_at LIMIT :limit"
            ),
            {"now": now, "limit": limit},
        )
        return list(found.scalars())

    def look_again(self, login: str, at: datetime) -> None:
        self._connection.execute(text("UPDATE accounts SET look_at = :at WHERE login = :login"), {"login": login, "at": at})

    def outstanding_keys(self) -> dict[str, int]:
        """For which keys nonces are outstanding, and how many."""
        found = self._connection.execute(
            text(
                "SELECT coalesce(nonce_key, '') AS key, count(*) AS many FROM (SELECT nonce_key FROM accounts WHERE nonce IS NOT NULL "
                "UNION ALL SELECT nonce_key FROM password_resets WHERE nonce IS NOT NULL) AS nonces GROUP BY 1"
            )
        )
        return {row.key: row.many for row in found}

    def after(self, login: str, limit: int) -> list[Account]:
        return self._all("login > :login ORDER BY login LIMIT :limit", login=login, limit=limit)

    def without_terms_notice(self, terms_version: str, limit: int) -> list[Account]:
        return self._all(
            "state IN ('active', 'awaiting_first_login', 'suspended') "
            "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.kind = 'terms_announced' "
            "AND m.about->>'terms_version' = :version) "
            "AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.reference = accounts.reference AND a.terms_version = :version) "
            "ORDER BY random() LIMIT :limit",  # as in due
            version=terms_version,
            limit=limit,
        )

    def forget(self, login: str, references: list[str]) -> None:
        """Everything of the person that rests in tables of their account; the account row itself is saved apart."""
        for statement in (
            "DELETE FROM email_changes WHERE login = :login",
            "DELETE FROM change_requests WHERE login = :login",
            "DELETE FROM password_resets WHERE login = :login",
            "DELETE FROM account_events WHERE login = :login",
            "UPDATE account_news SET customer_numbers = '[]', customer_number = NULL WHERE login = :login",
            "UPDATE incidents SET address = '', note = NULL WHERE login = :login",
            "UPDATE erasure_requests SET ground = NULL WHERE login = :login",
        ):
            self._connection.execute(text(statement), {"login": login})
        forget_traces(self._connection, references)

    def awaiting_first_login(self, limit: int, user_ids: list[str] | None = None) -> list[Account]:
        rows = self._connection.execute(
            text(
                "UPDATE accounts SET looked_at = now() WHERE login IN (SELECT login FROM accounts "
                "WHERE state IN ('awaiting_first_login', 'resigning') AND activated_at IS NULL AND user_id IS NOT NULL "
                "AND (CAST(:ids AS text[]) IS NULL OR user_id = ANY(CAST(:ids AS text[]))) "
                "ORDER BY looked_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING *"
            ),
            {"ids": user_ids, "limit": limit},
        ).all()
        return [read(Account, row) for row in rows]

    def waiting_too_long(self, since: datetime) -> list[Account]:
        return self._all(
            "least(keycloak_trouble_since, mail_trouble_since, address_trouble_since) < :since "
            "ORDER BY least(keycloak_trouble_since, mail_trouble_since, address_trouble_since) LIMIT 100",
            since=since,
        )

    def to_be_reminded(self, now: datetime, until: datetime, limit: int) -> list[Account]:
        """Whose activation password ends until then, and who has not been reminded of this one."""
        return self._all(
            "state = 'awaiting_first_login' AND nonce IS NULL AND address_doubt_at IS NULL AND NOT unsettled AND address_trouble IS NULL "
            "AND password_expires_at > :now AND password_expires_at <= :until "
            "AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.reference = accounts.reference AND m.kind = 'activation_reminder' "
            "AND m.about->>'activation' = accounts.activation::text) ORDER BY random() LIMIT :limit",  # as in due
            now=now,
            until=until,
            limit=limit,
        )

    def never_logged_in(self, mailed_before: datetime, limit: int) -> list[Account]:
        return self._all(
            "state = 'awaiting_first_login' AND mail_accepted_at < :before ORDER BY mail_accepted_at LIMIT :limit",
            before=mailed_before,
            limit=limit,
        )

    def _all(self, condition: str, **values: Any) -> list[Account]:
        rows = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}"), values).all()  # noqa: S608
        return [read(Account, row) for row in rows]

    def _one(self, condition: str, value: str, suffix: str = "") -> Account | None:
        row = self._connection.execute(text(f"SELECT * FROM accounts WHERE {condition}{suffix}"), {"value": value}).first()  # noqa: S608
        return read(Account, row) if row else None


class PostgresPasswordResets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, reset: PasswordReset) -> None:
        insert(self._connection, "password_resets", reset)

    def get(self, reset_id: str) -> PasswordReset | None:
        return first(self._connection, PasswordReset, "password_resets WHERE reset_id = :id", id=reset_id)

    def save(self, reset: PasswordReset) -> None:
        update(self._connection, "password_resets", "reset_id", reset)

    def answered_by_mail_since(self, login: str, since: datetime) -> list[datetime]:
        rows = self._connection.execute(
            text("SELECT asked_at FROM password_resets WHERE login = :l AND asked_at > :s AND outcome IN ('issued', 'refused')"),
            {"l": login, "s": since},
        )
        return [row.asked_at for row in rows]

    def open_of(self, login: str) -> PasswordReset | None:
        """The wish that is on its way; a newer one has made every earlier one void."""
        condition = "password_resets WHERE login = :l AND step IN ('reserved', 'set') ORDER BY asked_at DESC LIMIT 1"
        return first(self._connection, PasswordReset, condition, l=login)

    def newest_of(self, login: str) -> PasswordReset | None:
        condition = "password_resets WHERE login = :l AND outcome = 'issued' ORDER BY asked_at DESC LIMIT 1"
        return first(self._connection, PasswordReset, condition, l=login)

    def count_since(self, since: datetime) -> int:
        count = text("SELECT count(*) FROM password_resets WHERE asked_at > :since")
        return int(self._connection.execute(count, {"since": since}).scalar_one())
