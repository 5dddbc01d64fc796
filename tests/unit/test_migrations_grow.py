"""K08: a migration only adds, so that the processes of the version before go on working, and can be gone back to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import provisioning.adapters.postgres.schema as schema

VERSIONS = Path(schema.__file__).parent / "migrations" / "versions"
# The first migrations were made before anything was installed anywhere.
FREE_UNTIL = "0014"
TAKES_AWAY = {
    "drops a table, column or constraint": r"DROP\s+(TABLE|COLUMN|CONSTRAINT|VIEW|TYPE)|op\.drop_(table|column|constraint)",
    "renames": r"\bRENAME\b|new_table_name|new_column_name|op\.rename_table",
    "changes a type": r"ALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b|type_\s*=",
    "wants a value that the old version does not write": r"SET\s+NOT\s+NULL|ADD\s+COLUMN(?![^,;]*(DEFAULT|GENERATED))[^,;]*NOT\s+NULL",
    "refuses what the old version may write": r"ADD\s+(CONSTRAINT\s+\w+\s+)?(CHECK|UNIQUE|EXCLUDE)\b",
}


def upgrade_of(text: str) -> str:
    """The part that goes forward, without comments."""
    return re.sub(r"(#|--)[^\n]*", "", text.split("def downgrade", 1)[0])


def taken_away(text: str) -> list[str]:
    """What a migration takes away without saying `CONTRACTS = "…"`: since which version nothing uses it."""
    if re.search(r'^CONTRACTS = ".{10,}"', text, re.MULTILINE):
        return []
    return [what for what, pattern in TAKES_AWAY.items() if re.search(pattern, upgrade_of(text), re.IGNORECASE)]


def test_k08_every_migration_only_adds_or_says_since_when_nothing_uses_it() -> None:
    found = {path.name: taken_away(path.read_text()) for path in sorted(VERSIONS.glob("*.py")) if path.name[:4] > FREE_UNTIL}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("ALTER TABLE accounts DROP COLUMN note", True),
        ("ALTER TABLE accounts RENAME COLUMN note TO remark", True),
        ("ALTER TABLE accounts ALTER COLUMN note TYPE integer", True),
        ("ALTER TABLE accounts ALTER COLUMN note SET NOT NULL", True),
        ("ALTER TABLE accounts ADD COLUMN note text NOT NULL", True),
        ("ALTER TABLE accounts ADD CONSTRAINT short CHECK (length(note) < 9)", True),
        ("ALTER TABLE accounts ADD COLUMN note text NOT NULL DEFAULT ''", False),
        ("ALTER TABLE accounts ADD COLUMN note text", False),
        ("CREATE TABLE notes (note text NOT NULL)", False),
        ("DROP INDEX accounts_note", False),
    ],
)
def test_what_counts_as_taking_away(sql: str, refused: bool) -> None:
    assert bool(taken_away(f'def upgrade():\n    op.execute("{sql}")\n')) == refused
    assert taken_away(f'CONTRACTS = "note: unused since 0.2"\ndef upgrade():\n    op.execute("{sql}")\n') == []
    assert taken_away(f'def upgrade():\n    pass\n\n\ndef downgrade():\n    op.execute("{sql}")\n') == []
