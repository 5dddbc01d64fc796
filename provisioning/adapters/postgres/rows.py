"""Rows of plain dataclasses: a column a field, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

_Thing = TypeVar("_Thing")


def with_json(sql: str, *names: str) -> Any:
    """A statement whose named parameters are sent as jsonb."""
    return text(sql).bindparams(*[bindparam(name, type_=JSONB(none_as_null=True)) for name in names])


def columns(kind: type[Any]) -> tuple[str, str]:
    names = [each.name for each in fields(kind)]
    return ", ".join(names), ", ".join(f":{name}" for name in names)


def insert(connection: Connection, table: str, thing: Any) -> None:
    names, values = columns(type(thing))
    connection.execute(with_json(f"INSERT INTO {table} ({names}) VALUES ({values})", *_documents(type(thing))), vars(thing))  # noqa: S608


def update(connection: Connection, table: str, key: str, thing: Any) -> None:
    update_many(connection, table, key, [thing])


def update_many(connection: Connection, table: str, key: str, things: Sequence[Any]) -> None:
    """Things of one kind, in one round trip."""
    if things:
        connection.execute(_update_of(table, key, type(things[0])), [vars(each) for each in things])  # type: ignore[arg-type]


@cache
def _update_of(table: str, key: str, kind: Any) -> Any:
    sets = ", ".join(f"{each.name} = :{each.name}" for each in fields(kind) if each.name != key)
    return with_json(f"UPDATE {table} SET {sets} WHERE {key} = :{key}", *_documents(kind))  # noqa: S608


def first(connection: Connection, kind: type[_Thing], condition: str, **values: Any) -> _Thing | None:
    row = connection.execute(text(f"SELECT * FROM {condition}"), values).first()  # noqa: S608
    return read(kind, row) if row else None


def every(connection: Connection, kind: type[_Thing], condition: str, **values: Any) -> list[_Thing]:
    return [read(kind, row) for row in connection.execute(text(f"SELECT * FROM {condition}"), values)]  # noqa: S608


def read(kind: type[_Thing], row: Row[Any]) -> _Thing:
    """One row as its dataclass; codes become what the annotations say."""
    types = _types(kind)
    return kind(**{name: _as(types[name], getattr(row, name)) for name in types})


def _documents(kind: type[Any]) -> list[str]:
    """The fields that are JSON documents."""
    return [name for name, hint in _types(kind).items() if {get_origin(each) for each in (hint, *get_args(hint))} & {dict, list}]


def _types(kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = _types_of(kind)  # type: ignore[arg-type]  # a type is hashable
    return found


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _as(wanted: Any, value: Any) -> Any:
    if value is None:
        return None
    for option in get_args(wanted) or (wanted,):
        if isinstance(option, type) and issubclass(option, StrEnum):
            return option(value)
    return bytes(value) if isinstance(value, memoryview) else value


def raise_(error: Exception) -> Any:
    raise error
