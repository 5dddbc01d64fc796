"""The languages of the product, and its texts: gettext with Polish as the source, one catalogue a language.

Pages, messages of the form, mails and PDF all read from here. What a language lacks is said in Polish.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.support import NullTranslations, Translations

T = TypeVar("T")

# Code and own name, in the order in which people choose. A language more is one line here and one catalogue.
LANGUAGES = {"pl": "Polski", "en": "English"}
SOURCE = "pl"
CATALOGUES = Path(__file__).parent / "translations"
WARSAW = ZoneInfo("Europe/Warsaw")


def N_(text: str) -> str:  # gettext's own name for it, which pybabel looks for
    """Mark a text for the catalogue where it is written down; `texts_in(…).gettext` says it later."""
    return text


def known_language(language: str) -> str:
    """The language itself when it is in the list, otherwise Polish."""
    return language if language in LANGUAGES else SOURCE


def texts_in(language: str) -> NullTranslations:
    """The texts of one language: `gettext` and `ngettext`."""
    return _loaded(CATALOGUES, known_language(language))


@cache
def _loaded(catalogues: Path, language: str) -> NullTranslations:
    found = Translations.load(catalogues, [language])
    if language != SOURCE:
        found.add_fallback(_loaded(catalogues, SOURCE))  # Polish falls in, with its plural forms
    return found


class InLanguages(dict[str, T]):
    """What one text says in each language it has; in all others it says it in Polish.

    Raises:
        KeyError: Polish is missing.
    """

    def __init__(self, texts: Mapping[str, T]) -> None:
        super().__init__(texts)
        self[SOURCE]

    def __missing__(self, language: str) -> T:
        if language == SOURCE:
            raise KeyError(language)
        return self[SOURCE]


def in_languages(raw: Mapping[str, Any], name: str) -> InLanguages[str]:
    """Read the text `name` of a file: `name` itself is Polish, `name_en` and so on stand beside it.

    Raises:
        KeyError: there is no Polish text.
    """
    found = {code: raw[f"{name}_{code}"] for code in LANGUAGES if f"{name}_{code}" in raw}
    return InLanguages({SOURCE: raw[name]} | found if name in raw else found)


def day_in(value: date | datetime | None, language: str) -> str:
    """25 listopada 2026; of a moment the day that it is in Warsaw, where the readers are. Empty for None."""
    local = value.astimezone(WARSAW).date() if isinstance(value, datetime) else value
    return format_date(local, "d MMMM y", locale=known_language(language)) if local else ""


def moment_in(value: datetime | None, language: str) -> str:
    """25 listopada 2026, 13:00 in Warsaw; empty for None."""
    if value is None:
        return ""
    return format_datetime(value.astimezone(WARSAW), "d MMMM y, HH:mm", locale=known_language(language))
