"""Text as it is compared: without case and diacritics. One way for the form, the register and the search."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Lower case without diacritics; ł is l."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(character for character in plain if not unicodedata.combining(character))


def folded_words(text: str) -> list[str]:
    """The words of a text, folded, without punctuation, in an order of their own."""
    return sorted("".join(character if character.isalnum() else " " for character in fold(text)).split())
