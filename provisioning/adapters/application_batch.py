"""A CSV of typed-in paper applications (a roll-out campaign): each row is checked like any other form."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibok_idp.texts import SOURCE
from provisioning.domain.application import CustomerType
from provisioning.domain.clauses import FormVersion
from provisioning.domain.errors import DomainError, Invalid
from provisioning.form.check import Checker, Submission
from provisioning.form.messages import message

ADDRESS = ("street", "house", "flat", "postal_code", "city")
PLAIN = (
    "channel", "filed_on", "entry_reason", "language", "customer_type", "first_name", "last_name", "pesel", "company_name", "tax_id",
    "registry_number", "customer_number", "contract_number", "email", "phone",
)  # fmt: skip
OTHERS = (
    *(f"representative.{name}" for name in ("first_name", "last_name", "authority")),
    *(f"supply_point_address.{name}" for name in ADDRESS),
    *(f"correspondence_address.{name}" for name in ADDRESS),
    "terms_accepted",
    "signed_on",
)
_YES, _NO = {"tak", "yes", "t", "1", "true"}, {"nie", "no", "n", "0", "false"}


class BatchFileError(DomainError):
    """The file cannot be read as a batch; says what to do. Nothing was written."""

    code, status = "unreadable_file", 422


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
    """The columns of a batch, in the order of the paper."""
    return [*PLAIN, *OTHERS, *(f"clauses.{code}" for code in form.codes)]


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
            errors = [f"{error.field}: {message(error, SOURCE)}" for error in invalid.errors]
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
    company = row.get("customer_type") not in (CustomerType.PERSON.value, "")
    body: dict[str, Any] = {name: row[name] or None for name in PLAIN}
    body["language"] = row["language"] or SOURCE
    dropped = ("first_name", "last_name", "pesel") if company else ("company_name", "tax_id", "registry_number")
    body = {name: value for name, value in body.items() if name not in dropped or value}
    if company:
        body["representative"] = {name: row[f"representative.{name}"] or None for name in ("first_name", "last_name", "authority")}
    body["supply_point_address"] = {name: row[f"supply_point_address.{name}"] or None for name in ADDRESS}
    other = {name: row[f"correspondence_address.{name}"] or None for name in ADDRESS}
    answers = {code: row[f"clauses.{code}"].casefold() for code in form.codes}
    return body | {
        "form_version": form.version,
        "terms_version": form.terms_version if row["terms_accepted"].casefold() in _YES else None,
        "correspondence_address": other if any(other.values()) else None,
        "clauses": {code: answer in _YES for code, answer in answers.items() if answer in _YES | _NO},
        "signature": {"kind": "paper", "signed_on": row["signed_on"]} if row["signed_on"] else None,
    }
