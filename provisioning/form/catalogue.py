"""Loads the versions of the form; the newest valid one is offered, older ones stay readable."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ibok_idp.errors import SettingsError
from ibok_idp.texts import LANGUAGES, InLanguages, in_languages
from provisioning.domain.clauses import Clause, FormVersion


@cache
def all_versions(more: Path | None = None) -> dict[str, FormVersion]:
    """Every version by its name: those of the package, and those of the utility's own folder.

    Raises:
        SettingsError: a file cannot be read, or lacks something; says which and what.
    """
    folders = [Path(__file__).parent / "versions", *([more] if more else [])]
    versions = [_load(path) for folder in folders for path in sorted(folder.glob("*.toml"))]
    return {form.version: form for form in versions}


def current_form(today: date, forms: dict[str, FormVersion] | None = None) -> FormVersion:
    """The version an applicant gets today."""
    valid = [form for form in (forms or all_versions()).values() if form.valid_from <= today]
    return max(valid, key=lambda form: form.valid_from)


def activated(forms: dict[str, FormVersion], since: dict[str, date]) -> dict[str, FormVersion]:
    """The versions with the days from which a manager lets them be offered, where one was chosen."""
    return {version: replace(form, valid_from=since.get(version, form.valid_from)) for version, form in forms.items()}


def _load(path: Path) -> FormVersion:
    try:
        return _version(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"IBOK_FORM_VERSIONS_DIR: {path} is not a version of the form: {type(error).__name__} {error}"
        ) from error


def _version(raw: dict[str, Any]) -> FormVersion:
    return FormVersion(
        version=raw["version"],
        valid_from=raw["valid_from"],
        terms_version=raw["terms_version"],
        terms=InLanguages(raw["terms"]),
        privacy_notice=InLanguages(raw["privacy_notice"]),
        clauses=tuple(
            Clause(
                code=clause["code"],
                text=InLanguages({code: clause[code] for code in LANGUAGES if code in clause}),
                refusal=in_languages(clause, "refusal"),
            )
            for clause in raw["clauses"]
        ),
    )
