"""The table of messages that still lie in the mailbox although their reading was begun."""

from __future__ import annotations

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import columns, every, first
from provisioning.domain.intake import MailPlace, MailProgress

_HERE = "mailbox = :mailbox AND uid_validity = :uid_validity AND uid = :uid"


class PostgresMailsUnderWay:
    """Rows are few: what is moved has none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, place: MailPlace) -> MailProgress | None:
        return first(self._connection, MailProgress, f"mails_under_way WHERE {_HERE}", **vars(place))

    def put(self, progress: MailProgress) -> None:
        names, values = columns(MailProgress)
        sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in names.split(", "))
        statement = (
            f"INSERT INTO mails_under_way ({names}) VALUES ({values}) ON CONFLICT (mailbox, uid_validity, uid) DO UPDATE SET {sets}"  # noqa: S608
        )
        self._connection.execute(text(statement), vars(progress))

    def drop(self, place: MailPlace) -> None:
        self._connection.execute(text(f"DELETE FROM mails_under_way WHERE {_HERE}"), vars(place))  # noqa: S608

    def of(self, mailbox: str, uid_validity: int) -> list[MailProgress]:
        condition = "mails_under_way WHERE mailbox = :mailbox AND uid_validity = :uid_validity ORDER BY tried_at, uid"
        return every(self._connection, MailProgress, condition, mailbox=mailbox, uid_validity=uid_validity)

    def forget_others(self, mailbox: str, uid_validity: int, uids: list[int]) -> None:
        statement = (
            "DELETE FROM mails_under_way WHERE mailbox = :mailbox AND NOT (uid_validity = :uid_validity AND uid = ANY(:uids))"
        )
        self._connection.execute(text(statement), {"mailbox": mailbox, "uid_validity": uid_validity, "uids": uids})

    def stuck(self, mailbox: str) -> list[MailProgress]:
        """Kept, but the server refuses to move them; the longest refused last."""
        condition = "mails_under_way WHERE mailbox = :mailbox AND folder IS NOT NULL AND moves > 0 ORDER BY moves, uid"
        return every(self._connection, MailProgress, condition, mailbox=mailbox)
