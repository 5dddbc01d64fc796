"""The audit's chain of hashes: each line carries the hash of the one before, so a change, a gap or a swap shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FIRST = "0" * 64


@dataclass(frozen=True)
class ChainedLine:
    """One line as the database holds it; `content` is what was hashed."""

    number: int
    content: dict[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class Fault:
    """What is wrong at a line: `changed`, `missing` before it, or `reordered`."""

    number: int
    kind: str


def line_content(
    number: int, at: datetime, actor: str, roles: list[str], address: str | None, action: str, subject: str, details: dict[str, Any]
) -> dict[str, Any]:
    """The part of a line that its hash covers, in one shape for who writes and who verifies."""
    return {
        "number": number,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor,
        "roles": roles,
        "address": address,
        "action": action,
        "subject": subject,
        "details": details,
    }


def chained_hash(previous: str, content: dict[str, Any]) -> str:
    """sha256 over the hash before and the line in canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def faults(lines: Iterable[ChainedLine]) -> Iterator[Fault]:
    """Walk the lines in the order of their numbers and name every one that does not fit."""
    expected, previous = 1, FIRST
    for line in lines:
        if line.number != expected:
            yield Fault(line.number, "missing")
        elif line.previous_hash != previous:
            yield Fault(line.number, "reordered")
        if chained_hash(line.previous_hash, line.content) != line.hash:
            yield Fault(line.number, "changed")
        expected, previous = line.number + 1, line.hash


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit; each carries the hash of the line before."""

    number: int
    at: datetime
    actor: str
    roles: tuple[str, ...]
    action: str
    subject: str
    details: dict[str, Any]
    previous_hash: str
    hash: str
