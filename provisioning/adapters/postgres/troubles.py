"""What PostgreSQL refuses, told apart: gone, busy, full, a collision, a fault of ours."""

from __future__ import annotations

import psycopg
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import DataError

from ibok_idp.database import Cause, cause_of, without_values
from provisioning.domain.errors import FieldError, Invalid, Outage

_MOMENT = 3  # seconds


class DatabaseTrouble(Outage):
    """PostgreSQL did not do it, and the statement is not at fault. Nothing of the transaction was written.

    Attributes:
        in_doubt: but it went away while the transaction was being committed, so whether that one was written is not
            known; or an earlier transaction of the same request had been.
    """

    code = "database_unavailable"
    in_doubt = False

    @property
    def public(self) -> str:  # type: ignore[override]
        """What was stored, as far as it is known, and when to try again."""
        stored = (
            "Whether all of this was stored is not known: look before you repeat it." if self.in_doubt else "Nothing was stored."
        )
        return f"{stored} Try again in a {'moment' if self.retry_after == _MOMENT else 'minute'}."


class DatabaseGone(DatabaseTrouble):
    """PostgreSQL cannot be reached, or cut the connection."""


class Collision(DatabaseTrouble):
    """A deadlock or a serialisation failure: the same again may well hold."""

    code, retry_after = "database_busy", _MOMENT


class DatabaseBusy(DatabaseTrouble):
    """No free connection, or a lock or a statement took too long."""

    code, retry_after = "database_busy", _MOMENT


class DatabaseFull(DatabaseTrouble):
    """No room on PostgreSQL's disk or in its memory; IT must act."""


class DatabaseReadOnly(DatabaseTrouble):
    """A stand-by answers, as in a failover."""


_TROUBLES: dict[Cause, type[DatabaseTrouble]] = {
    Cause.GONE: DatabaseGone,
    Cause.COLLISION: Collision,
    Cause.BUSY: DatabaseBusy,
    Cause.FULL: DatabaseFull,
    Cause.READ_ONLY: DatabaseReadOnly,
}


def told_apart(error: Exception, *, committing: bool = False) -> Exception | None:
    """The error as use cases and doors know it; None when it shows a fault of ours."""
    found = error.__cause__ if isinstance(error, ConnectorException) and error.__cause__ else error
    if isinstance(found, psycopg.Error):
        without_values(found)  # the queue's statements do not go through the engine
    if isinstance(found, DataError | psycopg.DataError):  # NUL and lone surrogates cannot be held, so nothing can be named so
        return Invalid([FieldError("body", "invalid_characters")])
    cause = cause_of(found)
    if cause is None:
        return None
    trouble = _TROUBLES[cause](f"PostgreSQL: {cause}")
    trouble.in_doubt = committing and cause is Cause.GONE
    return trouble
