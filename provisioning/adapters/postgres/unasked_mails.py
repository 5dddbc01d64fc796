"""The budget of unasked mails (F13) in PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.domain.mail_budget import Unasked


class PostgresUnaskedMails:
    """The port `UnaskedMails` over one connection, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def locked(self, mailbox: str, since: datetime) -> list[Unasked]:
        """What went to a mailbox; who asks next waits until this transaction has ended."""
        number = int.from_bytes(bytes.fromhex(mailbox[:16]), "big", signed=True)
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})
        statement = text("SELECT at, reset FROM unasked_mails WHERE mailbox = :m AND at > :since")
        return [Unasked(row.at, row.reset) for row in self._connection.execute(statement, {"m": mailbox, "since": since})]

    def add(self, mailbox: str, at: datetime, *, reset: bool) -> None:
        self._connection.execute(text("INSERT INTO unasked_mails VALUES (:m, :at, :r)"), {"m": mailbox, "at": at, "r": reset})

    def of_customer(self, mailboxes: tuple[str, ...]) -> bool:
        """Whether an account has this mailbox, however its address is spelt."""
        statement = text("SELECT EXISTS (SELECT 1 FROM accounts WHERE mailbox = ANY(:m))")
        return bool(self._connection.execute(statement, {"m": list(mailboxes)}).scalar_one())

    def forget(self, before: datetime) -> int:
        return self._connection.execute(text("DELETE FROM unasked_mails WHERE at < :b"), {"b": before}).rowcount
