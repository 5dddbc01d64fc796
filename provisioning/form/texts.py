"""The declaration's texts in the languages of the product: Polish msgids, one catalogue a language."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

from ibok_idp.look.flask_look import LANGUAGES

_CATALOGUES = Path(__file__).parents[1] / "translations"


def said(msgid: str, language: str) -> str:
    """A text in a language; in Polish where its catalogue lacks it, and the empty text as it is."""
    return str(_catalogue(language).gettext(msgid)) if msgid else ""


def in_every_language(msgid: str) -> dict[str, str]:
    """By language code, as the texts of clauses are."""
    return {language: said(msgid, language) for language in LANGUAGES}


@cache
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(_CATALOGUES, [language])
