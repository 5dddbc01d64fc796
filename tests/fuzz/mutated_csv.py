"""Bent CSV through the readers of `import-customers` and `import-applications`: rows are taken or named, or the file is refused."""

from __future__ import annotations

import csv
import io
import random  # noqa: TID251  # repeatable
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine

from provisioning.adapters.application_batch import columns, read_batch, write_bad
from provisioning.adapters.csv_file import CsvFileError
from provisioning.adapters.postgres.customer_register import COLUMNS, fingerprint_with, import_customers
from provisioning.domain.clauses import FormVersion
from provisioning.form.check import Checker
from tests.fuzz.judge import Part, Until
from tests.support.world import paper_body

_SLOW = 10  # seconds after which a reading counts as a hang
_CELLS = (
    "", " ", '"', '""', "\0", "\r", "\n", "\r\n", ";", ",", "|", "||", "=cmd()", "x" * 140_000, "ą" * 70_000, "\ufeff", "\u202e", "\u2028", "\x1c", "\x85",
    "١٢٣", "1e400", "tak", "nie", "2026-02-30", "99999999999", "jan@example.com", "jan@xn--.com", "osoba fizyczna", "person", "business", "İ", "ß", "a\\",
)  # fmt: skip
_BYTES = (b"\0", b"\xff", b"\x81", b"\x98", b"\xc5", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b";", b",", b"\x1a")
_CUSTOMER = (
    "4000000001",
    "Józefa Źdźbło-Żak",
    "osoba fizyczna",
    "",
    "Źródlana 7, 43-300 Bielsko-Biała",
    "U/2019/771|U/2",
    "jan@example.com",
)


def run(
    part: Part, engine: Engine, form: FormVersion, checker: Checker, number_pattern: str, seed: int, count: int, until: Until
) -> None:
    """So many files, to the two readers in turn. The register is only compared, never changed."""
    fingerprint = fingerprint_with("x" * 32)
    with tempfile.TemporaryDirectory(prefix="ibok-fuzz-") as folder:
        file, bad = Path(folder) / "a.csv", Path(folder) / "bad.csv"
        for number in range(count):
            if until.over:
                return
            chance = random.Random(f"csv:{seed}:{number}")
            customers = number % 2 == 0
            file.write_bytes(mutated(chance, _customers(chance) if customers else _applications(chance, form)))
            began = time.monotonic()
            try:
                if customers:
                    outcome = import_customers(engine, file, number_pattern, fingerprint, dry_run=True)
                    left, of = len(outcome.bad), outcome.rows
                else:
                    rows = list(read_batch(file, form, checker))
                    write_bad(bad, form, [row for row in rows if row.submission is None])
                    left, of = sum(row.submission is None for row in rows), len(rows)
                words = (
                    "no rows"
                    if not of
                    else "all rows taken"
                    if not left
                    else "all rows left out"
                    if left == of
                    else "some left out"
                )
            except CsvFileError:
                words = "file refused"
            except Exception as error:  # everything else is what this looks for
                words = "ERROR"
                part.broken.append(f"csv {number} of seed {seed}: {type(error).__name__}: {error}"[:400])
            took = time.monotonic() - began
            part.took(took)
            if took > _SLOW:
                part.broken.append(f"csv {number} of seed {seed}: {took:.0f} s")
            part.answers[f"{'customers' if customers else 'applications'}: {words}"] += 1


def mutated(chance: random.Random, rows: list[list[str]]) -> bytes:
    """The rows with bent cells, as a file with bent bytes."""
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        row = chance.choice(rows[1:] if chance.random() < 0.9 else rows)
        place = chance.randrange(len(row))
        row[place] = chance.choice(_CELLS) if chance.random() < 0.7 else row[place] + chance.choice(_CELLS)
        if chance.random() < 0.1:
            row.extend(chance.choice(_CELLS) for _ in range(3))
        if chance.random() < 0.1:
            del row[place + 1 :]
    output = io.StringIO()
    csv.writer(output, delimiter=chance.choice(";;,\t"), lineterminator=chance.choice(("\r\n", "\n")), escapechar="\\").writerows(
        rows
    )
    raw = bytearray(output.getvalue().encode(chance.choice(("utf-8", "utf-8-sig", "cp1250", "utf-16")), "replace"))
    for _ in range(chance.choice((0, 0, 1, 3))):
        place = chance.randrange(len(raw) + 1)
        if chance.random() < 0.7:
            raw[place:place] = chance.choice(_BYTES)
        else:
            del raw[place : place + chance.randint(1, 50)]
    return bytes(raw)


def _customers(chance: random.Random) -> list[list[str]]:
    rows = [[f"40000000{number:02d}", *_CUSTOMER[1:]] for number in range(chance.randint(1, 20))]
    return [list(COLUMNS), *rows]


def _applications(chance: random.Random, form: FormVersion) -> list[list[str]]:
    body = paper_body()
    cells = {name: str(value) for name, value in body.items() if isinstance(value, str)}
    cells |= {f"supply_point_address.{name}": value for name, value in body["supply_point_address"].items()}
    cells |= {f"clauses.{code}": "tak" for code in form.codes} | {
        "terms_accepted": "tak",
        "signed_on": body["signature"]["signed_on"],
    }
    names = columns(form)
    return [names, *([cells.get(name, "") for name in names] for _ in range(chance.randint(1, 6)))]
