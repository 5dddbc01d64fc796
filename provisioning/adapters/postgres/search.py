"""Finding an application by what a clerk remembers of it: folded words, beginnings of words, names typed with a mistake.

The embedded PostgreSQL carries no pg_trgm, so words go into a tsvector (GIN, also by their beginnings), and the words
of names into a table of their own in which a mistyped one is looked up (ADR 13).
"""

from __future__ import annotations

import re
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection, text

from provisioning.domain.folding import fold as plain_fold

_MOST_TOKENS = 8
_MOST_ALIKE = 12
_SHORTEST_BEGINNING = 3
_NOT_IN_WORDS = re.compile(r"[^a-z0-9]+")
_NUMBER = re.compile(r"\+?[0-9][0-9 -]*")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")


def fold(value: str) -> str:
    """Lower case without diacritics, and without what PostgreSQL cannot hold."""
    return plain_fold(value).replace("\0", "")


def words_of(*texts: str) -> set[str]:
    """What texts are found by: their words as written, and the parts of those at hyphens, dots and other signs."""
    whole = {word for each in texts for word in fold(each).split()}
    return {part[:60] for word in whole for part in (word, *_NOT_IN_WORDS.split(word)) if part}


def name_words(words: set[str]) -> set[str]:
    """Words in which a mistake can be looked up: letters only."""
    return {word for word in words if len(word) >= 3 and word.isalpha()}


def tokens(typed: str) -> list[str]:
    """The words of a search; a number typed with spaces is one word, and every dash is the same."""
    folded = fold(typed).translate(_DASHES).strip()
    if _NUMBER.fullmatch(folded):
        return [folded.replace(" ", "")]
    return folded.split()[:_MOST_TOKENS]


def phone_words(phone: str | None) -> str:
    """A phone as typed with and without the country's prefix."""
    plain = "".join((phone or "").split())
    return f"{plain} {plain.removeprefix('+48')}"


def grams(word: str) -> list[str]:
    """Groups of three letters, with the word's two ends; the same in migration 0007."""
    padded = f" {word} "
    return sorted({padded[i : i + 3] for i in range(len(padded) - 2)})


def store_names(connection: Connection, words: set[str]) -> None:
    rows = [{"word": word, "grams": grams(word)} for word in sorted(name_words(words))]
    if rows:
        connection.execute(text("INSERT INTO search_names (word, grams) VALUES (:word, :grams) ON CONFLICT DO NOTHING"), rows)


def drop_names(connection: Connection, words: set[str]) -> None:
    """Take out words that no application is found by any more: a rare name is personal data too (S8)."""
    for word in sorted(name_words(words)):
        connection.execute(
            text(
                "DELETE FROM search_names WHERE word = :word"
                " AND NOT EXISTS (SELECT 1 FROM applications WHERE search_words @@ CAST(:query AS tsquery))"
            ),
            {"word": word, "query": _lexeme(word)},
        )


def query_for(connection: Connection, typed: str) -> tuple[str | None, dict[str, tuple[str, ...]]]:
    """A tsquery for what was typed, and which words stand in for words that nobody has.

    Returns:
        None in place of the query when some word matches nothing, not even with a mistake; an empty one when nothing
        was typed.
    """
    parts, instead = [], {}
    for token in tokens(typed):
        query = _beginning(token)
        if "-" in token and _NUMBER.fullmatch(token):  # a reference has dashes, other numbers are stored without
            query = f"({query} | {_beginning(token.replace('-', ''))})"
        if token.isalpha() and len(token) >= _SHORTEST_BEGINNING and not _known(connection, token):
            alike = _closest(connection, token)
            if not alike:
                return None, {}
            instead[token] = alike
            query = "(" + " | ".join(_lexeme(word) for word in alike) + ")"
        parts.append(query)
    return " & ".join(parts), instead


def _known(connection: Connection, token: str) -> bool:
    """Whether any word begins so; the table's words are in the order of their code points."""
    found = connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM search_names WHERE word >= :token AND word < :token || '~')"), {"token": token}
    )
    return bool(found.scalar_one())


def _closest(connection: Connection, token: str) -> tuple[str, ...]:
    """The names nearest to a word: one mistake in a short one, two in a longer one."""
    allowed = 1 if len(token) <= 4 else 2
    rows: list[Any] = list(
        connection.execute(
            text("SELECT word FROM search_names WHERE grams && :grams AND length(word) BETWEEN :least AND :most"),
            {"grams": grams(token), "least": len(token) - allowed, "most": len(token) + allowed},
        ).scalars()
    )
    found = process.extract(token, rows, scorer=OSA.distance, score_cutoff=allowed, limit=_MOST_ALIKE)
    best = min((distance for _word, distance, _at in found), default=0)
    return tuple(word for word, distance, _at in found if distance == best)


def _beginning(token: str) -> str:
    return _lexeme(token) + (":*" if len(token) >= _SHORTEST_BEGINNING else "")


def _lexeme(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
