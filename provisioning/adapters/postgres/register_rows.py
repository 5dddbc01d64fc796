"""The customer register from a program: rows taken in within a transaction, compared before they are applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from provisioning.adapters.csv_file import CsvRow
from provisioning.adapters.postgres.customer_register import FEW, SAME, BadRow, Fingerprint, ImportOutcome, checked_row, values_of
from provisioning.domain.errors import NotPossible
from provisioning.domain.register_match import RegisterCustomer

_IMPORT_LOCK = 270_003
_NOT_KEPT = {"\0", "\ufffd"}  # what PostgreSQL cannot hold, and what stands for bytes of no known letter
_NAMES = "customer_number, name, customer_type, tax_id, pesel_fingerprint, supply_points, contract_numbers, email"
_GONE = "gone_at IS NULL AND NOT EXISTS (SELECT 1 FROM incoming i WHERE i.customer_number = r.customer_number)"


class TooManyGone(NotPossible):
    """An import would take so many customers away that it is more likely cut off than right. Nothing was changed."""

    def __init__(self, gone: int, allowed: int) -> None:
        words = f"{gone} customers would be gone, at most {allowed} may. Send the whole register, or say gone_at_most."
        super().__init__("too_many_gone", words)


def checked(
    row: dict[str, str], supply_points: list[str], contract_numbers: list[str], number_pattern: str, fingerprint: Fingerprint
) -> RegisterCustomer | str:
    """The row as a customer, or why it is not one: the check of the CSV, without its lists in one cell.

    Args:
        row: customer_number, name, type, tax_id_or_pesel, email; empty text for what is not there.
    """
    if _NOT_KEPT & set("".join([*row.values(), *supply_points, *contract_numbers])):
        return "name or another field holds a character that cannot be kept"
    found = checked_row(CsvRow(0, {**row, "supply_points": "", "contract_numbers": ""}), number_pattern, fingerprint)
    if isinstance(found, str):
        return found
    return replace(found, supply_points=supply_points, contract_numbers=contract_numbers)


def load(cursor: Any, rows: Iterable[tuple[int, RegisterCustomer | str]]) -> ImportOutcome:
    """Take rows in, each a customer or why it is none, and compare them with the register; nothing of it is changed yet.

    Two imports wait for each other until the transaction ends.
    """
    outcome = ImportOutcome()
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_IMPORT_LOCK,))
    cursor.execute("CREATE TEMP TABLE incoming (LIKE register_customers INCLUDING DEFAULTS) ON COMMIT DROP")
    cursor.execute("ALTER TABLE incoming DROP COLUMN imported_at, DROP COLUMN gone_at, ADD PRIMARY KEY (customer_number)")
    seen: set[str] = set()
    with cursor.copy("COPY incoming FROM STDIN") as copy:
        for line, found in rows:
            outcome.rows += 1
            if isinstance(found, str):
                outcome.bad.append(BadRow(line, found))
            elif found.customer_number in seen:
                outcome.bad.append(BadRow(line, f"customer number {found.customer_number} stands in the file twice"))
            else:
                seen.add(found.customer_number)
                copy.write_row(values_of(found))
    cursor.execute(
        f"SELECT count(*) FILTER (WHERE r.customer_number IS NULL), "  # noqa: S608  # constants
        f"count(*) FILTER (WHERE r.customer_number IS NOT NULL AND (r.gone_at IS NOT NULL OR NOT ({SAME}))) "
        "FROM incoming i LEFT JOIN register_customers r USING (customer_number)"
    )
    outcome.added, outcome.changed = cursor.fetchone()
    cursor.execute(f"SELECT count(*) FROM register_customers r WHERE {_GONE}")  # noqa: S608  # constants
    (outcome.gone,) = cursor.fetchone()
    return outcome


def require_few_gone(cursor: Any, outcome: ImportOutcome, percent: int, at_most: int | None) -> None:
    """The brake on mass loss.

    Args:
        percent: of the customers there are now; so many may be gone, and always a few.
        at_most: what the caller says in its place, having looked.

    Raises:
        TooManyGone.
    """
    cursor.execute("SELECT count(*) FROM register_customers WHERE gone_at IS NULL")
    (there,) = cursor.fetchone()
    allowed = max(FEW, there * percent // 100) if at_most is None else at_most
    if outcome.gone > allowed:
        raise TooManyGone(outcome.gone, allowed)


def apply_loaded(cursor: Any, *, whole: bool) -> None:
    """Make the register as the rows say; those that are not among them are gone when the rows are the whole register."""
    sets = ", ".join(f"{name} = excluded.{name}" for name in _NAMES.split(", ")[1:])
    cursor.execute(
        f"INSERT INTO register_customers ({_NAMES}, imported_at) SELECT {_NAMES}, now() FROM incoming "  # noqa: S608  # constants
        f"ON CONFLICT (customer_number) DO UPDATE SET {sets}, imported_at = now(), gone_at = NULL"
    )
    if whole:
        cursor.execute(f"UPDATE register_customers r SET gone_at = now() WHERE {_GONE}")  # noqa: S608  # constants
