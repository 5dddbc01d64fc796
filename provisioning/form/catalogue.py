"""Loads the versions of the form; the newest valid one is offered, older ones stay readable."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from provisioning.domain.clauses import Clause, FormVersion


@cache
def all_versions() -> dict[str, FormVersion]:
    """Every version by its name."""
    versions = (_load(path) for path in sorted((Path(__file__).parent / "versions").glob("*.toml")))
    return {form.version: form for form in versions}


def current_form(today: date) -> FormVersion:
    """The version an applicant gets today."""
    valid = [form for form in all_versions().values() if form.valid_from <= today]
    return max(valid, key=lambda form: form.valid_from)


def _load(path: Path) -> FormVersion:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return FormVersion(
        version=raw["version"],
        valid_from=raw["valid_from"],
        terms_version=raw["terms_version"],
        terms=raw["terms"],
        privacy_notice=raw["privacy_notice"],
        clauses=tuple(
            Clause(
                code=clause["code"],
                text={"pl": clause["pl"], "en": clause["en"]},
                refusal={"pl": clause["refusal_pl"], "en": clause["refusal_en"]},
            )
            for clause in raw["clauses"]
        ),
    )
