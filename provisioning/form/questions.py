"""The declaration as other programs read it: what the web form asks, of whom, in which words and on which page."""

from __future__ import annotations

from typing import Any

from ibok_idp.texts import LANGUAGES, texts_in
from provisioning.domain.declared_fields import declared
from provisioning.domain.fields import CustomerType, Field
from provisioning.domain.rulebook import Rulebook
from provisioning.form.check import is_required


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
        "label": _in_languages(kind.label),
        "hint": _in_languages(kind.hint),
        "natural": kind.signed_by is None,
    }


def _question(field: Field, rules: Rulebook) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": _in_languages(field.label),
        "short": _in_languages(field.in_short),
        "hint": _in_languages(field.hint),
        "required": is_required(field, rules),
        "optional": _in_languages("" if is_required(field, rules) else field.optional),
        "nothing": _in_languages(field.nothing),
        "masked": field.apart,
        "box": vars(field.box),
    }


def _in_languages(msgid: str) -> dict[str, str]:
    """By language code, as the texts of clauses are; the empty text stays empty."""
    return {language: str(texts_in(language).gettext(msgid)) if msgid else "" for language in LANGUAGES}
