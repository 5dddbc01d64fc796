"""A CSV of typed-in paper applications (a roll-out campaign): each row is checked like any other form."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibok_idp.texts import SOURCE
from provisioning.adapters.csv_file import CsvRow, read_csv
from provisioning.domain.clauses import FormVersion
from provisioning.domain.declared_fields import declared
from provisioning.domain.errors import Invalid
from provisioning.form.check import Checker, Submission
from provisioning.form.messages import message
from provisioning.form.typed import typed_fields

_FILING = ("channel", "filed_on", "entry_reason", "language", "customer_type")
_YES, _NO = {"tak", "yes", "t", "1", "true"}, {"nie", "no", "n", "0", "false"}


_POLISH_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")  # 24.11.2026, as a spreadsheet writes it


@dataclass(frozen=True)
class BatchRow:
    """One row: the checked form, or what is wrong with it.

    Attributes:
        line: of the file, from 1; the header is line 1.
        typed: the cells by column; empty when the line cannot be read as a row.
        key: the row's own hash: the same row again is the same application.
    """

    line: int
    typed: dict[str, str]
    key: str
    submission: Submission | None
    errors: list[str]
    raw: tuple[str, ...] = ()


def columns(form: FormVersion) -> list[str]:
    """The columns of a batch: of the filing, of every field, of the parts of groups, of the answers.

    A row is known by its cells in this order: in another one, a row entered before would be another application.
    """
    fields = declared().fields
    plain = [field.name for field in fields if not field.group]
    parts = [f"{field.name}.{part.name}" for field in fields for part in field.parts]
    return [*_FILING, *plain, *parts, "terms_accepted", "signed_on", *(f"clauses.{code}" for code in form.codes)]


def read_batch(path: Path, form: FormVersion, checker: Checker) -> Iterator[BatchRow]:
    """Every row, checked.

    Raises:
        CsvFileError: not readable, or columns are missing; no row has been given then.
    """
    for row in read_csv(path, columns(form)):
        if row.problem:
            yield BatchRow(row.line, {}, "", None, [row.problem], row.raw)
        else:
            yield _checked(row, form, checker)


def _checked(row: CsvRow, form: FormVersion, checker: Checker) -> BatchRow:
    typed = {name: " ".join(cell.split()) for name, cell in row.cells.items()}
    key = hashlib.sha256("\0".join(typed[name] for name in columns(form)).encode()).hexdigest()
    try:
        return BatchRow(row.line, typed, key, checker.paper(_body(typed, form)), [])
    except Invalid as invalid:
        errors = [f"{error.field}: {message(error, SOURCE)}" for error in invalid.errors]
        return BatchRow(row.line, typed, key, None, errors)


def write_bad(path: Path, form: FormVersion, rows: list[BatchRow]) -> None:
    """The rows that were left out, with their reasons in a column `powod`: mend them and import this file.

    What could not be read as a row stands behind its reason, as it is in the file.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, [*columns(form), "powod"], delimiter=";", extrasaction="ignore")
        writer.writeheader()
        writer.writerows([{**row.typed, "powod": "; ".join((*row.errors, *row.raw))} for row in rows])


def _body(row: dict[str, str], form: FormVersion) -> dict[str, Any]:
    """The row as the body of the API; empty cells are absent."""
    body: dict[str, Any] = {name: row[name] or None for name in _FILING} | {"filed_on": _day(row["filed_on"])}
    body |= typed_fields(body["customer_type"], lambda name: row[name] or None, also_not_asked=True)
    answers = {code: row[f"clauses.{code}"].casefold() for code in form.codes}
    return body | {
        "language": row["language"] or SOURCE,
        "form_version": form.version,
        "terms_version": form.terms_version if row["terms_accepted"].casefold() in _YES else None,
        "clauses": {code: answer in _YES for code, answer in answers.items() if answer in _YES | _NO},
        "signature": {"kind": "paper", "signed_on": _day(row["signed_on"])} if row["signed_on"] else None,
    }


def _day(typed: str) -> str | None:
    """2026-11-24, also when 24.11.2026 was typed; what is no day is for the check of the form to name."""
    found = _POLISH_DAY.fullmatch(typed)
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else typed or None
