"""The blueprint of the form, and what was typed in a field of it."""

from __future__ import annotations

from flask import Blueprint, request

application_form = Blueprint("application_form", __name__)
_LONGEST_ANSWER = 500  # characters


def typed_in(name: str) -> str:
    """What was typed, without spaces around it."""
    return request.form.get(name, "").strip()[:_LONGEST_ANSWER]
