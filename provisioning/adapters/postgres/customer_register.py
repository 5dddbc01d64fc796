"""Import of the customer register from CSV: checked row by row, compared before it is applied, applied at once."""

from __future__ import annotations

import codecs
import csv
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Engine
from stdnum.pl import nip, pesel

from provisioning.domain.fields import declared
from provisioning.domain.register_match import RegisterCustomer

COLUMNS = ("customer_number", "name", "type", "tax_id_or_pesel", "supply_points", "contract_numbers", "email")
_MANY = "|"
_NOT_KEPT = {"\0", "\ufffd"}  # what PostgreSQL cannot hold, and what stands for bytes of no known letter
_PORTION = 2**20
Fingerprint = Callable[[str], str]


class RegisterFileError(Exception):
    """The file as a whole cannot be read: not there, no text, or other columns. Nothing was changed."""


@dataclass(frozen=True)
class BadRow:
    """A row that was left out: its line in the file (from 1) and why."""

    line: int
    reason: str


@dataclass
class ImportOutcome:
    """What an import would change, or has changed."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    bad: list[BadRow] = field(default_factory=list)


def fingerprint_with(key: str) -> Fingerprint:
    """PESEL as a keyed hash: comparable, not readable, useless without `IBOK_PERSONAL_DATA_KEY`."""
    secret = hashlib.sha256(f"fingerprint:{key}".encode()).digest()
    return lambda value: hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()


def import_customers(engine: Engine, file: Path, number_pattern: str, fingerprint: Fingerprint, *, dry_run: bool) -> ImportOutcome:
    """Compare a file with the register and, unless it is a dry run, make the register as the file says.

    A customer who is not in the file any more is marked as gone, never deleted. Bad rows are reported and left out.

    Raises:
        RegisterFileError: the file cannot be read or lacks a column.
    """
    outcome = ImportOutcome()
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE incoming (LIKE register_customers INCLUDING DEFAULTS) ON COMMIT DROP")
        cursor.execute("ALTER TABLE incoming DROP COLUMN imported_at, DROP COLUMN gone_at, ADD PRIMARY KEY (customer_number)")
        seen: set[str] = set()
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            for line, row in _rows(file):
                outcome.rows += 1
                found = _checked(row, number_pattern, fingerprint)
                if isinstance(found, str):
                    outcome.bad.append(BadRow(line, found))
                elif found.customer_number in seen:
                    outcome.bad.append(BadRow(line, f"customer number {found.customer_number} stands in the file twice"))
                else:
                    seen.add(found.customer_number)
                    copy.write_row(_values(found))
        _compare(cursor, outcome)
        if dry_run:
            connection.rollback()
        else:
            _apply(cursor)
            connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()
    return outcome


_SAME = " AND ".join(
    f"r.{name} IS NOT DISTINCT FROM i.{name}"
    for name in ("name", "customer_type", "tax_id", "pesel_fingerprint", "supply_points", "contract_numbers", "email")
)


def _compare(cursor: object, outcome: ImportOutcome) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    run(
        f"SELECT count(*) FILTER (WHERE r.customer_number IS NULL), "  # noqa: S608  # constants
        f"count(*) FILTER (WHERE r.customer_number IS NOT NULL AND (r.gone_at IS NOT NULL OR NOT ({_SAME}))) "
        "FROM incoming i LEFT JOIN register_customers r USING (customer_number)"
    )
    outcome.added, outcome.changed = cursor.fetchone()  # type: ignore[attr-defined]
    run(
        "SELECT count(*) FROM register_customers r WHERE gone_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM incoming i WHERE i.customer_number = r.customer_number)"
    )
    (outcome.gone,) = cursor.fetchone()  # type: ignore[attr-defined]


def _apply(cursor: object) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    names = "customer_number, name, customer_type, tax_id, pesel_fingerprint, supply_points, contract_numbers, email"
    sets = ", ".join(f"{name} = excluded.{name}" for name in names.split(", ")[1:])
    run(
        f"INSERT INTO register_customers ({names}, imported_at) SELECT {names}, now() FROM incoming "  # noqa: S608  # constants
        f"ON CONFLICT (customer_number) DO UPDATE SET {sets}, imported_at = now(), gone_at = NULL"
    )
    run(
        "UPDATE register_customers r SET gone_at = now() WHERE gone_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM incoming i WHERE i.customer_number = r.customer_number)"
    )


def _values(found: RegisterCustomer) -> tuple[object, ...]:
    return (
        found.customer_number,
        found.name,
        found.customer_type,
        found.tax_id,
        found.pesel_fingerprint,
        json.dumps(found.supply_points, ensure_ascii=False),
        json.dumps(found.contract_numbers, ensure_ascii=False),
        found.email,
    )


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and row; UTF-8 or Windows-1250, `;` or `,`."""
    encoding = _encoding(file)
    try:
        with file.open(encoding=encoding, errors="replace", newline="") as handle:
            head = handle.readline()
            delimiter = ";" if head.count(";") >= head.count(",") else ","
            names = next(csv.reader([head], delimiter=delimiter), [])
            missing = [name for name in COLUMNS if name not in [each.strip() for each in names]]
            if missing:
                raise RegisterFileError(f"{file} lacks the columns {', '.join(missing)}; see docs/how-to/import-customers.md.")
            reader = csv.DictReader(handle, fieldnames=[each.strip() for each in names], delimiter=delimiter, strict=True)
            for row in reader:
                yield reader.line_num + 1, {name: (row.get(name) or "").strip() for name in COLUMNS}
    except csv.Error as error:
        raise RegisterFileError(f"{file} is not CSV as expected: {error}.") from error


def _encoding(file: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()  # a character may lie across two portions
    try:
        with file.open("rb") as handle:
            for portion in iter(lambda: handle.read(_PORTION), b""):
                decoder.decode(portion)
            decoder.decode(b"", final=True)
    except OSError as error:
        raise RegisterFileError(f"Cannot read {file}: {error.strerror}.") from error
    except UnicodeDecodeError:
        return "cp1250"
    return "utf-8-sig"


def _types() -> dict[str, str]:
    """The kinds of customers by what a register may call them: code, or Polish name."""
    return {called: each.code for each in declared().types for called in (each.code, each.label)}


def _checked(row: dict[str, str], number_pattern: str, fingerprint: Fingerprint) -> RegisterCustomer | str:
    """The row as a customer, or why it is not one."""
    number, types = re.sub(r"\s", "", row["customer_number"]), _types()
    kind = types.get(row["type"].casefold())
    if not re.fullmatch(number_pattern, number):
        return f"customer_number {row['customer_number'][:40]!r} does not look like one"
    if not row["name"]:
        return "name is empty"
    if strange := next((name for name, value in row.items() if _NOT_KEPT & set(value)), None):
        return f"{strange} holds a character that cannot be read"
    if kind is None:
        return f"type {row['type'][:40]!r} is none of {', '.join(sorted(types))}"
    digits = re.sub(r"[\s-]", "", row["tax_id_or_pesel"])
    if digits and not (nip.is_valid(digits) if len(digits) == 10 else pesel.is_valid(digits)):
        return "tax_id_or_pesel has a wrong check digit"
    if row["email"]:
        try:
            validate_email(row["email"], check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return "email is not an address"
    return RegisterCustomer(
        customer_number=number,
        name=row["name"],
        customer_type=kind,
        tax_id=digits if len(digits) == 10 else None,
        pesel_fingerprint=fingerprint(digits) if len(digits) == 11 else None,
        supply_points=[each.strip() for each in row["supply_points"].split(_MANY) if each.strip()],
        contract_numbers=[each.strip() for each in row["contract_numbers"].split(_MANY) if each.strip()],
        email=row["email"] or None,
    )
