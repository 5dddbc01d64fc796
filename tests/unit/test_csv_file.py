"""CSV as spreadsheets save it, from life: what is read, what is named, and what costs only its own row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.application_batch import columns, read_batch, write_bad
from provisioning.adapters.csv_file import CsvFileError, encoding_of, read_csv
from provisioning.domain.rulebook import Rulebook
from provisioning.form.catalogue import all_versions, current_form
from provisioning.form.check import Checker

HEAD = ("number", "name", "place")
JAN = {"number": "10000000", "name": "Świętosława Gżegżółka", "place": "ul. Źródlana 7/3, 43-300 Bielsko-Biała"}


def rows(file: Path, content: bytes) -> list[tuple[int, dict[str, str], str | None]]:
    file.write_bytes(content)
    return [(row.line, row.cells, row.problem) for row in read_csv(file, HEAD)]


def text(*lines: dict[str, str] | str, delimiter: str = ";", end: str = "\r\n") -> str:
    head = delimiter.join(HEAD)
    return end.join([head, *(each if isinstance(each, str) else delimiter.join(each.values()) for each in lines), ""])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "utf-16", "utf-16-le-mark", "utf-16-be-mark"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("sep", ["", "sep={}", "SEP={}"])
def test_whatever_a_spreadsheet_saves_is_read(file: Path, encoding: str, delimiter: str, end: str, sep: str) -> None:
    written = (sep.format(delimiter) + end if sep else "") + text(JAN, delimiter=delimiter, end=end)
    if encoding.endswith("-mark"):
        content = ("\ufeff" + written).encode(encoding.removesuffix("-mark"))
    else:
        content = written.encode(encoding)
    assert rows(file, content) == [(3 if sep else 2, JAN, None)]


def test_commas_are_a_delimiter_too_and_a_cell_with_one_is_quoted(file: Path) -> None:
    assert rows(file, text('10000000,Świętosława Gżegżółka,"ul. Źródlana 7/3, 43-300 Bielsko-Biała"', delimiter=",").encode()) == [
        (2, JAN, None)
    ]


def test_columns_come_in_any_order_and_among_others(file: Path) -> None:
    assert rows(file, b"place;x;name ; number;\r\nB;;A;1;\r\n") == [(2, {"number": "1", "name": "A", "place": "B"}, None)]


@pytest.mark.parametrize("at", [2**20 - 1, 2**20, 2**20 + 1])
def test_a_letter_across_two_portions_makes_no_other_encoding_of_the_file(file: Path, at: int) -> None:
    head = text().encode()
    content = head + b"1;" + b"a" * (at - len(head) - 3) + "ą;x\r\n".encode()
    file.write_bytes(content)
    assert encoding_of(file) == "utf-8"
    file.write_bytes(content + "ż".encode("cp1250"))
    assert encoding_of(file) == "cp1250"  # the whole file decides


def test_a_last_line_without_an_end_is_read(file: Path) -> None:
    assert rows(file, text().encode() + "1;Józef Żak;x".encode("cp1250")) == [
        (2, {"number": "1", "name": "Józef Żak", "place": "x"}, None)
    ]


def test_a_byte_that_is_no_letter_costs_its_row_alone(file: Path) -> None:
    found = rows(file, text(JAN, "2;Jan \u0081X;x").encode("cp1250", "ignore").replace(b"Jan ", b"Jan \x81"))
    assert found == [(2, JAN, None), (3, {}, "name holds a character that cannot be read")]


def test_empty_rows_are_no_rows(file: Path) -> None:
    assert [line for line, _, _ in rows(file, text(JAN, ";;", "", ";;;;;;", "  ;  ;", JAN, ";;", "").encode())] == [2, 7]


@pytest.mark.parametrize(
    ("row", "count"), [("1;A;ul. B; C 1;;", 6), ("1;A", 2), ("1;A;B;", 4), ("1", 1)], ids=["more", "fewer", "one more", "one"]
)
def test_a_row_with_another_number_of_cells_is_named_and_never_shifted(file: Path, row: str, count: int) -> None:
    assert rows(file, text(row, JAN).encode()) == [(2, {}, f"{count} cells where the heading has 3"), (3, JAN, None)]


def test_a_quotation_mark_within_a_cell_is_a_quotation_mark(file: Path) -> None:
    assert rows(file, text('1;Sklep "Pod Dębem" sp. z o.o.;x').encode())[0][1]["name"] == 'Sklep "Pod Dębem" sp. z o.o.'


@pytest.mark.parametrize("bent", ['2;"Pod Dębem" sp. z o.o.;x', '2;"Pod Dębem;x', '"2;A;x', '2;A;"', '2;"A"";x'])
def test_a_stray_quotation_mark_costs_its_row_alone(file: Path, bent: str) -> None:
    found = rows(file, text(JAN, bent, JAN, '4;"Hydro; sp.";x', JAN).encode())
    assert [(line, problem is None) for line, _, problem in found] == [(2, True), (3, False), (4, True), (5, True), (6, True)]
    assert found[3][1]["name"] == "Hydro; sp."


def test_a_cell_may_have_several_lines(file: Path) -> None:
    found = rows(file, text('1;"A\r\nB";x', JAN).encode())
    assert [(line, cells["name"]) for line, cells, _ in found] == [(2, "A\r\nB"), (4, JAN["name"])]


def test_a_cell_that_never_ends_costs_its_row_alone_and_not_the_time_of_all(file: Path) -> None:
    content = text(*(['2;"' + "x" * 2000] * 2000), JAN).encode()
    found = rows(file, content)
    assert found[-1] == (2002, JAN, None)
    assert len(found) > 900


@pytest.mark.parametrize("content", [b"", b"\r\n", b"a;b\n1;2\n", b"sep=;", b"\xff\xfe", b"number;name\n", b"\0" * 100])
def test_a_file_that_is_none_is_refused_by_what_it_lacks(file: Path, content: bytes) -> None:
    with pytest.raises(CsvFileError, match="lacks the columns"):
        rows(file, content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CsvFileError, match="cannot be read"):
        list(read_csv(tmp_path / "none.csv", HEAD))
    with pytest.raises(CsvFileError, match="cannot be read"):
        list(read_csv(tmp_path, HEAD))


@given(content=st.binary(max_size=300), head=st.booleans())
def test_no_bytes_whatsoever_make_the_reading_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    try:
        found = rows(file, text().encode() + content if head else content)
    except CsvFileError:
        return
    for _, cells, problem in found:
        assert (set(cells) == set(HEAD)) == (problem is None)


TODAY = date(2026, 11, 24)
FORM = current_form(TODAY)
CHECKER = Checker(all_versions(), FORM, Rulebook(), TODAY)
APPLICATION = {
    "channel": "post", "filed_on": "2026-11-20", "customer_type": "person", "first_name": "Anna", "last_name": "Zbiorcza", "pesel": "44051401359",
    "customer_number": "40118270", "email": "anna@example.com", "supply_point_address.house": "7", "supply_point_address.postal_code": "43-300",
    "supply_point_address.city": "Wilkowice", "terms_accepted": "tak", "signed_on": "2026-11-18", **{f"clauses.{code}": "tak" for code in FORM.codes},
}  # fmt: skip


def batch(file: Path, *applications: dict[str, str], more: str = "") -> list[tuple[int, list[str]]]:
    names = columns(FORM)
    lines = [";".join(names), *(";".join(each.get(name, "") for name in names) for each in applications), more]
    file.write_text("\r\n".join(lines), encoding="cp1250", newline="")
    return [(row.line, row.errors) for row in read_batch(file, FORM, CHECKER)]


def test_days_as_a_spreadsheet_writes_them_are_read(file: Path) -> None:
    polish = APPLICATION | {"filed_on": "20.11.2026", "signed_on": "8.11.2026"}
    assert batch(file, polish) == [(2, [])]
    (row,) = read_batch(file, FORM, CHECKER)
    assert row.submission is not None
    assert (row.submission.filed_on, row.submission.signature["signed_on"]) == (date(2026, 11, 20), "2026-11-08")  # type: ignore[index]
    ((_, errors),) = batch(file, APPLICATION | {"filed_on": "31.11.2026"})
    assert errors[0].startswith("filed_on: ")


def test_a_row_of_applications_that_cannot_be_read_comes_back_as_it_is(file: Path, tmp_path: Path) -> None:
    found = batch(file, APPLICATION, more='post;"2026-11-20" x;a\r\n')
    assert found == [(2, []), (3, ["the quotation marks do not match, or a cell is far too long"])]
    write_bad(tmp_path / "bad.csv", FORM, [row for row in read_batch(file, FORM, CHECKER) if row.submission is None])
    assert 'post; ""2026-11-20"" x; a' in (tmp_path / "bad.csv").read_text(encoding="utf-8-sig")
