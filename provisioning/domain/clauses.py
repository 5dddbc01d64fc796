"""The versioned content of form BOK-27: clauses, Regulamin, and rule S2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Clause:
    """One mandatory declaration: its text and what refusing it means, each by language; Polish answers for one that is missing."""

    code: str
    text: dict[str, str]
    refusal: dict[str, str]


@dataclass(frozen=True)
class FormVersion:
    """One version of the form with the Regulamin it refers to, each text by language; applications keep theirs for ever."""

    version: str
    valid_from: date
    clauses: tuple[Clause, ...]
    terms_version: str
    terms: dict[str, str]
    privacy_notice: dict[str, str]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(clause.code for clause in self.clauses)


def refused(form: FormVersion, answers: dict[str, bool]) -> list[str]:
    """S2: the clauses that are not answered with a plain yes."""
    return [code for code in form.codes if answers.get(code) is not True]
