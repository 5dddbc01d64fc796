"""The audit's chain names every fault; exported tables are text to every spreadsheet (S07)."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisioning.domain.application import Channel
from provisioning.domain.audit_chain import FIRST, AuditEntry, ChainedLine, chained_hash, faults
from provisioning.domain.errors import NotPossible
from provisioning.staff_ui.tables import as_csv, as_json_lines, audit_export_row
from tests.support.records import application


def chain(length: int) -> list[ChainedLine]:
    lines, previous = [], FIRST
    for number in range(1, length + 1):
        content = {"number": number, "action": "x", "details": {"ż": number}}
        lines.append(ChainedLine(number, content, previous, chained_hash(previous, content)))
        previous = lines[-1].hash
    return lines


def found(lines: list[ChainedLine]) -> list[tuple[int, str]]:
    return [(fault.number, fault.kind) for fault in faults(lines)]


def test_a_whole_chain_has_no_fault() -> None:
    assert found(chain(50)) == []
    assert found([]) == []


def test_a_changed_line_is_named() -> None:
    lines = chain(5)
    lines[2] = replace(lines[2], content={**lines[2].content, "action": "y"})
    assert found(lines) == [(3, "changed")]


def test_a_changed_line_with_a_new_hash_of_its_own_shows_at_the_next() -> None:
    lines = chain(5)
    content = {**lines[2].content, "action": "y"}
    lines[2] = replace(lines[2], content=content, hash=chained_hash(lines[2].previous_hash, content))
    assert found(lines) == [(4, "reordered")]


@pytest.mark.parametrize("gone", [0, 2])
def test_a_missing_line_is_named(gone: int) -> None:
    lines = chain(5)
    del lines[gone]
    assert found(lines) == [(gone + 2, "missing")]


def test_two_lines_that_changed_places_are_named() -> None:
    lines = chain(4)
    lines[1], lines[2] = replace(lines[2], number=2), replace(lines[1], number=3)
    assert {number for number, _ in found(lines)} >= {2, 3}


@pytest.mark.parametrize("nasty", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_s07_a_formula_leaves_as_text(nasty: str) -> None:
    content = as_csv([{"name": nasty, "plain": 'Źdźbło; "x"'}]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(content, newline=""), delimiter=";")
    assert row["name"] == f"'{nasty}"
    assert row["plain"] == 'Źdźbło; "x"'


def test_an_exported_line_keeps_its_hashes() -> None:
    line = AuditEntry(
        7,
        datetime(2026, 11, 24, tzinfo=UTC),
        "registrar",
        ("bok-registrar",),
        "application.approved",
        "2026-1",
        {"a": "=1"},
        "p",
        "h",
    )
    row = audit_export_row(line)
    assert (row["number"], row["previous_hash"], row["hash"]) == (7, "p", "h")
    assert as_json_lines([row]).count(b"\n") == 1
    assert as_csv([]) == b"\xef\xbb\xbf"


@pytest.mark.parametrize("channel", Channel)
def test_s3_a_copy_only_for_what_was_filed_in_the_office(channel: Channel) -> None:
    one = application(channel=channel)
    if channel is Channel.OFFICE:
        one.require_copy_allowed()
        return
    with pytest.raises(NotPossible) as refusal:
        one.require_copy_allowed()
    assert refusal.value.code == "copy_not_made_for_mailed"
