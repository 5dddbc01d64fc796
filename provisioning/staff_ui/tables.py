"""Tables that leave the house: CSV that no spreadsheet reads as a formula (OWASP CSV injection), and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from provisioning.domain.audit_chain import AuditEntry

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """UTF-8 with a byte-order mark and semicolons, which Polish spreadsheets open as they should."""
    output = io.StringIO()
    if rows:
        writer = csv.DictWriter(output, fieldnames=list(rows[0]), delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows([{name: _as_text(value) for name, value in row.items()} for row in rows])
    return output.getvalue().encode("utf-8-sig")


def as_json_lines(rows: list[dict[str, Any]]) -> bytes:
    """One JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows).encode()


def audit_export_row(line: AuditEntry) -> dict[str, Any]:
    """One line of the audit, with its hashes, so that the chain can be followed outside too."""
    return {
        "number": line.number,
        "at": line.at.isoformat(),
        "actor": line.actor,
        "roles": ", ".join(line.roles),
        "action": line.action,
        "subject": line.subject,
        "details": json.dumps(line.details, ensure_ascii=False, sort_keys=True),
        "previous_hash": line.previous_hash,
        "hash": line.hash,
    }


def _as_text(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
