"""Import of the customer register from CSV: checked row by row, compared before it is applied, applied at once."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from provisioning.adapters.csv_file import CsvRow, read_csv
from provisioning.domain.declared_fields import declared
from provisioning.domain.register_match import RegisterCustomer
from provisioning.form import identifiers

COLUMNS = ("customer_number", "name", "type", "tax_id_or_pesel", "supply_points", "contract_numbers", "email")
_MANY = "|"
FEW = 10  # customers of whom any file may say that they are gone, however small the register is
Fingerprint = Callable[[str], str]


@dataclass(frozen=True)
class BadRow:
    """A row that was left out: its line in the file (from 1) and why."""

    line: int
    reason: str


@dataclass
class ImportOutcome:
    """What an import would change, or has changed.

    Attributes:
        gone: customers of the register whom the file does not name at all.
        nameless: rows left out that may be anybody's, for their customer number cannot be read; nobody is gone then.
        too_many_gone: more than one file may mark as gone; nothing was changed.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    nameless: int = 0
    too_many_gone: bool = False
    bad: list[BadRow] = field(default_factory=list)


def fingerprint_with(key: str) -> Fingerprint:
    """PESEL as a keyed hash: comparable, not readable, useless without `IBOK_PERSONAL_DATA_KEY`."""
    secret = hashlib.sha256(f"fingerprint:{key}".encode()).digest()
    return lambda value: hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()


def import_customers(
    engine: Engine,
    file: Path,
    number_pattern: str,
    fingerprint: Fingerprint,
    *,
    largest_loss: int = 100,
    agreed_loss: int = 0,
    dry_run: bool,
) -> ImportOutcome:
    """Compare a file with the register and, unless it is a dry run, make the register as the file says.

    A customer who is not in the file any more is marked as gone, never deleted. Bad rows are reported and left out; whoever stands
    in one stays as they are.

    Args:
        largest_loss: percent of the register that may be marked as gone.
        agreed_loss: so many customers may be, whatever their share.

    Raises:
        CsvFileError: the file cannot be read or lacks a column.
    """
    outcome = ImportOutcome()
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE incoming (LIKE register_customers INCLUDING DEFAULTS) ON COMMIT DROP")
        cursor.execute("ALTER TABLE incoming DROP COLUMN imported_at, DROP COLUMN gone_at, ADD PRIMARY KEY (customer_number)")
        cursor.execute("CREATE TEMP TABLE named (customer_number text PRIMARY KEY) ON COMMIT DROP")
        seen: set[str] = set()
        left_out: set[str] = set()
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            for row in read_csv(file, COLUMNS):
                outcome.rows += 1
                found = checked_row(row, number_pattern, fingerprint)
                if isinstance(found, RegisterCustomer) and found.customer_number not in seen:
                    seen.add(found.customer_number)
                    copy.write_row(values_of(found))
                    continue
                why = found if isinstance(found, str) else f"customer number {found.customer_number} stands in the file twice"
                outcome.bad.append(BadRow(row.line, why))
                numbers = _numbers_in(row, number_pattern)
                outcome.nameless += not numbers
                left_out |= numbers
        with cursor.copy("COPY named FROM STDIN") as copy:
            for number in seen | left_out:
                copy.write_row((number,))
        _compare(cursor, outcome, largest_loss, agreed_loss)
        if dry_run or outcome.too_many_gone:
            connection.rollback()
        else:
            _apply(cursor, gone=not outcome.nameless)
            connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()
    return outcome


SAME = " AND ".join(
    f"r.{name} IS NOT DISTINCT FROM i.{name}"
    for name in ("name", "customer_type", "tax_id", "pesel_fingerprint", "supply_points", "contract_numbers", "email")
)


_GONE = "r.gone_at IS NULL AND NOT EXISTS (SELECT 1 FROM named n WHERE n.customer_number = r.customer_number)"


def _compare(cursor: object, outcome: ImportOutcome, largest_loss: int, agreed_loss: int) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    run(
        f"SELECT count(*) FILTER (WHERE r.customer_number IS NULL), "  # noqa: S608  # constants
        f"count(*) FILTER (WHERE r.customer_number IS NOT NULL AND (r.gone_at IS NOT NULL OR NOT ({SAME}))) "
        "FROM incoming i LEFT JOIN register_customers r USING (customer_number)"
    )
    outcome.added, outcome.changed = cursor.fetchone()  # type: ignore[attr-defined]
    run(f"SELECT count(*) FILTER (WHERE {_GONE}), count(*) FILTER (WHERE r.gone_at IS NULL) FROM register_customers r")  # noqa: S608  # the same
    missing, known = cursor.fetchone()  # type: ignore[attr-defined]
    outcome.gone = 0 if outcome.nameless else missing
    outcome.too_many_gone = outcome.gone > max(FEW, known * largest_loss // 100, agreed_loss)


def _apply(cursor: object, *, gone: bool) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    names = "customer_number, name, customer_type, tax_id, pesel_fingerprint, supply_points, contract_numbers, email"
    sets = ", ".join(f"{name} = excluded.{name}" for name in names.split(", ")[1:])
    run(
        f"INSERT INTO register_customers ({names}, imported_at) SELECT {names}, now() FROM incoming "  # noqa: S608  # constants
        f"ON CONFLICT (customer_number) DO UPDATE SET {sets}, imported_at = now(), gone_at = NULL"
    )
    if gone:
        run(f"UPDATE register_customers r SET gone_at = now() WHERE {_GONE}")  # noqa: S608  # the same


def values_of(found: RegisterCustomer) -> tuple[object, ...]:
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


def _numbers_in(row: CsvRow, pattern: str) -> set[str]:
    """The customer a bad row is about; of one whose cells are shifted, everything in it that may be a customer number."""
    cells = [row.cells["customer_number"]] if row.cells else row.raw
    return {number for cell in cells if (number := identifiers.customer_number(cell, pattern))}


def _types() -> dict[str, str]:
    """The kinds of customers by what a register may call them: code, or Polish name."""
    return {called: each.code for each in declared().types for called in (each.code, each.label)}


def checked_row(row: CsvRow, number_pattern: str, fingerprint: Fingerprint) -> RegisterCustomer | str:
    """The row as a customer, or why it is not one."""
    if row.problem:
        return row.problem
    cells = row.cells
    number, types = identifiers.customer_number(cells["customer_number"], number_pattern), _types()
    kind = types.get(cells["type"].casefold())
    if number is None:
        return f"customer_number {cells['customer_number'][:40]!r} does not look like one"
    if not cells["name"]:
        return "name is empty"
    if kind is None:
        return f"type {cells['type'][:40]!r} is none of {', '.join(sorted(types))}"
    try:
        tax_id, person = _tax_id_or_pesel(cells["tax_id_or_pesel"])
    except identifiers.ValidationError:
        return "tax_id_or_pesel has a wrong check digit"
    email = identifiers.email_address(cells["email"]) if cells["email"] else None
    if cells["email"] and email is None:
        return "email is not an address"
    return RegisterCustomer(
        customer_number=number,
        name=cells["name"],
        customer_type=kind,
        tax_id=tax_id,
        pesel_fingerprint=fingerprint(person) if person else None,
        supply_points=[each.strip() for each in cells["supply_points"].split(_MANY) if each.strip()],
        contract_numbers=[each.strip() for each in cells["contract_numbers"].split(_MANY) if each.strip()],
        email=email,
    )


def _tax_id_or_pesel(typed: str) -> tuple[str | None, str | None]:
    """One of both; only a PESEL has eleven digits."""
    if not typed:
        return None, None
    if len(identifiers.plain_digits(typed)) == 11:
        return None, identifiers.pesel_number(typed)
    return identifiers.tax_number(typed), None
