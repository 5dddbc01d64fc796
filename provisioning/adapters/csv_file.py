"""CSV as spreadsheets save it: one reader for every import, which knows their encodings, delimiters and oddities.

A row that cannot be read costs only itself: it is given out with its line and the reason, never guessed at and never shifted.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from provisioning.domain.errors import DomainError

_DELIMITERS = ";,\t"
_PORTION = 2**20
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NOT_KEPT = {"\0", "\ufffd"}  # what PostgreSQL cannot hold, and what stands for bytes of no known letter


class CsvFileError(DomainError):
    """The file as a whole cannot be read: not there, no text, or other columns. No row was given out."""

    code, status = "unreadable_file", 422


@dataclass(frozen=True)
class CsvRow:
    """One row that is not empty.

    Attributes:
        line: where it begins in the file, from 1.
        cells: by the names of the wanted columns, without spaces around; empty when the row cannot be read.
        problem: why it cannot be read.
        raw: all cells as they stand, also of a row that cannot be read: nothing says under which column each belongs.
    """

    line: int
    cells: dict[str, str]
    problem: str | None = None
    raw: tuple[str, ...] = field(default=(), repr=False)


def read_csv(file: Path, columns: Sequence[str]) -> Iterator[CsvRow]:
    """The rows under a heading line that names these columns, in any order and among others.

    UTF-8 and UTF-16 by their mark, else UTF-8 when the whole file is that, else Windows-1250. The delimiter is what a first line
    `sep=;` says, else the one of `;`, `,` and tab under which the heading has most of the columns.

    Raises:
        CsvFileError.
    """
    encoding = encoding_of(file)
    try:
        with file.open(encoding=encoding, errors="replace", newline="") as handle:
            lines = _Lines(handle)
            delimiter, names = _heading(lines, columns)
            missing = [name for name in columns if name not in names]
            if missing:
                raise CsvFileError(f"{file} lacks the columns {', '.join(missing)}.")
            yield from _rows(lines, delimiter, names, columns)
    except (OSError, UnicodeError) as error:
        raise CsvFileError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error


def encoding_of(file: Path) -> str:
    """By its mark, or by reading all of it: a letter may lie far behind, and across two portions.

    Raises:
        CsvFileError: it cannot be opened.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with file.open("rb") as handle:
            head = handle.read(3)
            if marked := next((encoding for mark, encoding in _BOMS.items() if head.startswith(mark)), None):
                return marked
            decoder.decode(head)
            for portion in iter(lambda: handle.read(_PORTION), b""):
                decoder.decode(portion)
            decoder.decode(b"", final=True)
    except OSError as error:
        raise CsvFileError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        return "cp1250"
    return "utf-8"


class _Lines:
    """The lines of a file; those of a record that turned out to be none are given back, all but its first."""

    def __init__(self, handle: TextIO) -> None:
        self._handle, self._waiting = handle, deque[str]()
        self._record: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._handle)
        self._record.append(line)
        self.number += 1
        return line

    def begin_record(self) -> int:
        """The number of the line that comes next."""
        self._record = []
        return self.number + 1

    def give_back_all_but_the_first(self) -> str:
        first, *rest = self._record
        self._waiting.extendleft(reversed(rest))
        self.number -= len(rest)
        self._record = [first]
        return first

    @property
    def several(self) -> bool:
        return len(self._record) > 1


def _heading(lines: _Lines, columns: Sequence[str]) -> tuple[str, list[str]]:
    line = next(lines, "")
    told = ""
    if line.casefold().startswith("sep=") and len(line.rstrip("\r\n")) == len("sep=;"):
        told, line = line[len("sep=")], next(lines, "")

    def names(delimiter: str) -> list[str]:
        try:
            return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
        except csv.Error:
            return []

    delimiter = max(told or _DELIMITERS, key=lambda each: len(set(columns) & set(names(each))))
    return delimiter, names(delimiter)


def _rows(lines: _Lines, delimiter: str, names: list[str], columns: Sequence[str]) -> Iterator[CsvRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = lines.begin_record()
        try:
            cells, problem = next(reader), None
        except StopIteration:
            return
        except csv.Error:
            cells, problem = [], "the quotation marks do not match, or a cell is far too long"
        if not problem and any(cell.strip() for cell in cells) and len(cells) != len(names):
            problem = f"{len(cells)} cells where the heading has {len(names)}"
        if problem:
            # what stands behind is not to be swallowed by one stray quotation mark
            first = lines.give_back_all_but_the_first() if lines.several or not cells else ""
            yield CsvRow(start, {}, problem, tuple(first.rstrip("\r\n").split(delimiter)) if first else tuple(cells))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        found = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
        found = {name: found[name] for name in columns}
        strange = next((name for name, cell in found.items() if _NOT_KEPT & set(cell)), None)
        problem = f"{strange} holds a character that cannot be read" if strange else None
        yield CsvRow(start, {} if problem else found, problem, tuple(cells))
