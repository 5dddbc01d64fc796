"""What people write in their own words: notes and reasons. Pure."""

from __future__ import annotations

import unicodedata

from provisioning.domain.errors import FieldError, Invalid

LONGEST_REASON = 2000
NOT_TEXT = ("Cc", "Cf", "Cs", "Co", "Cn")
_LINES = "\t\r\n"


def free_text(field: str, typed: str | None, longest: int) -> str | None:
    """The words without surrounding space; None when there are none. Line breaks and tabs may stand in them.

    Args:
        field: names the input in the errors.
        longest: so many characters.

    Raises:
        Invalid: `too_long`, or `invalid_characters` for control and format characters, which no page can show (F08).
    """
    words = (typed or "").strip()
    if len(words) > longest:
        raise Invalid([FieldError(field, "too_long")])
    if any(unicodedata.category(each) in NOT_TEXT and each not in _LINES for each in words):
        raise Invalid([FieldError(field, "invalid_characters")])
    return words or None
