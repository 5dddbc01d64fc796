"""PostgreSQL as each of our processes reaches it: pooled, told apart when it fails, and with nothing of a person in its errors."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection


class Cause(StrEnum):
    """Why PostgreSQL did not do it, where that is no fault of the statement."""

    GONE = "gone"  # not reached, or the connection was cut
    COLLISION = "collision"  # deadlock, serialisation failure: the same again may well hold
    BUSY = "busy"  # no free connection, a lock or a statement took too long
    FULL = "full"  # disk or memory
    READ_ONLY = "read_only"  # a stand-by, for instance after a failover


_CAUSES = {
    "40001": Cause.COLLISION,
    "40P01": Cause.COLLISION,
    "53000": Cause.FULL,
    "53100": Cause.FULL,
    "53200": Cause.FULL,
    "53300": Cause.BUSY,
    "55P03": Cause.BUSY,
    "57014": Cause.BUSY,
    "25006": Cause.READ_ONLY,
    "57P01": Cause.GONE,
    "57P02": Cause.GONE,
    "57P03": Cause.GONE,
    "57P05": Cause.GONE,
}
_QUOTES_VALUES = "22"  # the class "data exception": its first line repeats what could not be read


def make_engine(url: str, *, connections: int = 30) -> Engine:
    """A pooled engine; a dead connection is noticed before use, and no error of it shows a value.

    Args:
        url: `postgresql://user:password@host:port/name`.
        connections: how many at the same time at most; who finds none free waits 10 seconds for one.
    """
    kept = min(10, connections)
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_pre_ping=True,
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=10,
        connect_args={"connect_timeout": 5},
        hide_parameters=True,
    )
    event.listen(engine, "handle_error", _without_values)
    return engine


def cause_of(error: BaseException) -> Cause | None:
    """Told by SQLSTATE (PostgreSQL, appendix A); None when the statement itself is at fault.

    An OperationalError without a SQLSTATE comes from the client's side: nobody answered, or the connection broke.
    """
    if isinstance(error, NoFreeConnection):
        return Cause.BUSY
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, psycopg.Error):
        return None
    state = original.sqlstate
    if state is None:
        return Cause.GONE if isinstance(original, psycopg.OperationalError) else None
    return Cause.GONE if state.startswith("08") else _CAUSES.get(state)


def without_values(error: psycopg.Error) -> None:
    """Leave the first line of PostgreSQL's message: DETAIL and CONTEXT repeat the row, an e-mail address for instance (P08)."""
    state, said = error.sqlstate, error.diag.message_primary
    if state is None or said is None:
        return  # words of the client's side: addresses of servers, no values
    error.args = (f"{state}: {'a value cannot be read' if state.startswith(_QUOTES_VALUES) else said}",)


def _without_values(context: Any) -> None:
    original = context.original_exception
    if not isinstance(original, psycopg.Error):
        return
    without_values(original)
    outer: SQLAlchemyError | None = context.sqlalchemy_exception
    if outer is not None:
        outer.args = (f"({type(original).__name__}) {original}",)
