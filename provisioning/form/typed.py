"""What was typed, as the fields of the API's body: from a page, or from a row of a batch. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioning.domain.declared_fields import declared
from provisioning.domain.fields import Field


def typed_fields(customer_type: str | None, typed: Callable[[str], str | None], *, also_not_asked: bool = False) -> dict[str, Any]:
    """The fields asked of a kind of customer; what was left empty is None.

    Args:
        typed: what was typed for a field, or for a part of one by its dotted name; None when nothing was.
        also_not_asked: also what was typed for fields of other kinds, so that the check can refuse it by name.
    """
    asked = declared().asked_of(customer_type)
    values = {field: _value(field, typed) for field in declared().fields if field in asked or also_not_asked}
    return {field.name: value for field, value in values.items() if field in asked or value is not None}


def _value(field: Field, typed: Callable[[str], str | None]) -> Any:
    if not field.group:
        return typed(field.name)
    parts = {part.name: typed(f"{field.name}.{part.name}") for part in field.parts}
    return parts if any(parts.values()) else None
