"""A CSV of typed-in paper applications (a roll-out campaign): each row is checked like any other form."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.domain.clauses import FormVersion
from provisioning.domain.errors import Invalid
from provisioning.domain.fields import declared
from provisioning.form.check import Checker, Submission
from provisioning.form.messages import message
from provisioning.form.typed import typed_fields

_FILING = ("channel", "filed_on", "entry_reason", "language", "customer_type")
_YES, _NO = {"tak", "yes", "t", "1", "true"}, {"nie", "no", "n", "0", "false"}


class BatchFileError(Exception):
    """The file cannot be read as a batch; says what to do. Nothing was written."""


@dataclass(frozen=True)
class BatchRow:
    """One row: the checked form, or what is wrong with it.

    Attributes:
        line: of the file, from 1; the header is line 1.
        key: the row's own hash: the same row again is the same application.
    """

    line: int
    typed: dict[str, str]
    key: str
    submission: Submission | None
    errors: list[str]


def columns(form: FormVersion) -> list[str]:
    """The columns of a batch: of the filing, of every field, of the parts of groups, of the answers.

    A row is known by its cells in this order: in another one, a row entered before would be another application.
    """
    fields = declared().fields
    plain = [field.name for field in fields if not field.group]
    parts = [f"{field.name}.{part.name}" for field in fields for part in field.parts]
    return [*_FILING, *plain, *parts, "terms_accepted", "signed_on", *(f"clauses.{code}" for code in form.codes)]


def read_batch(path: Path, form: FormVersion, checker: Checker) -> Iterator[BatchRow]:
    """Every row, checked. UTF-8 or Windows-1250; `;` or `,`.

    Raises:
        BatchFileError: not readable, no CSV, or columns are missing; no row has been given then.
    """
    reader = _reader(path)
    try:
        missing = [name for name in columns(form) if name not in (reader.fieldnames or [])]
        rows = [(reader.line_num, typed) for typed in reader] if not missing else []
    except csv.Error as error:
        raise BatchFileError(f"{path} is not CSV as expected: {error}.") from error
    if missing:
        raise BatchFileError(
            f"{path} lacks the columns {', '.join(missing)}. `ibok-provisioning import-applications --help` names all."
        )
    for line, typed in rows:
        row = {
            name: " ".join((value or "").split())
            for name, value in typed.items()
            if isinstance(name, str) and not isinstance(value, list)
        }
        if not any(row.values()):
            continue
        key = hashlib.sha256("\0".join(row.get(name, "") for name in columns(form)).encode()).hexdigest()
        try:
            yield BatchRow(line, row, key, checker.paper(_body(row, form)), [])
        except Invalid as invalid:
            errors = [f"{error.field}: {message(error, 'pl')}" for error in invalid.errors]
            yield BatchRow(line, row, key, None, errors)


def write_bad(path: Path, form: FormVersion, rows: list[BatchRow]) -> None:
    """The rows that were left out, with their reasons in a column `powod`: mend them and import this file."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, [*columns(form), "powod"], delimiter=";", extrasaction="ignore")
        writer.writeheader()
        writer.writerows([{**row.typed, "powod": "; ".join(row.errors)} for row in rows])


def _reader(path: Path) -> csv.DictReader[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BatchFileError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1250", "replace")
    head = text.split("\n", 1)[0]
    return csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") >= head.count(",") else ",")


def _body(row: dict[str, str], form: FormVersion) -> dict[str, Any]:
    """The row as the body of the API; empty cells are absent."""
    body: dict[str, Any] = {name: row[name] or None for name in _FILING}
    body |= typed_fields(body["customer_type"], lambda name: row[name] or None, also_not_asked=True)
    answers = {code: row[f"clauses.{code}"].casefold() for code in form.codes}
    return body | {
        "language": row["language"] or "pl",
        "form_version": form.version,
        "terms_version": form.terms_version if row["terms_accepted"].casefold() in _YES else None,
        "clauses": {code: answer in _YES for code, answer in answers.items() if answer in _YES | _NO},
        "signature": {"kind": "paper", "signed_on": row["signed_on"]} if row["signed_on"] else None,
    }
