"""The declaration as other programs read it: what the web form asks, of whom, in which words and on which page."""

from __future__ import annotations

from typing import Any

from provisioning.domain.fields import CustomerType, Field, declared
from provisioning.domain.rulebook import Rulebook
from provisioning.form.check import is_required
from provisioning.form.texts import in_every_language


def customer_types() -> list[dict[str, Any]]:
    """Every kind of customer; `natural` when the customer is the person who signs."""
    return [_type(each) for each in declared().types]


def questions(rules: Rulebook) -> list[dict[str, Any]]:
    """Every field in the order of the form, the parts of a group within it.

    Args:
        rules: say what of the form is required.
    """
    form = declared()
    return [
        {
            **_question(field, rules),
            "step": field.section.step,
            "asked_of": [each.code for each in form.types if field in form.asked_of(each.code)],
            "group": field.group.name.lower() if field.group else None,
            "parts": [_question(part, rules) for part in field.parts],
        }
        for field in form.fields
        if field.section
    ]


def _type(kind: CustomerType) -> dict[str, Any]:
    return {
        "code": kind.code,
        "label": in_every_language(kind.label),
        "hint": in_every_language(kind.hint),
        "natural": kind.signed_by is None,
    }


def _question(field: Field, rules: Rulebook) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": in_every_language(field.label),
        "short": in_every_language(field.in_short),
        "hint": in_every_language(field.hint),
        "optional": in_every_language("" if is_required(field, rules) else field.optional),
        "nothing": in_every_language(field.nothing),
        "masked": field.apart,
        "box": vars(field.box),
    }
