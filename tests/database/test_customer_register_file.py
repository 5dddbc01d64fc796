"""`import-customers` compares a file with the register: who stands in a bad row has not left, and nobody is lost in masses."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.adapters.postgres.customer_register import COLUMNS, ImportOutcome, fingerprint_with, import_customers
from tests.support.database_alone import Alone

FINGERPRINT = fingerprint_with("f" * 40)


class Register:
    def __init__(self, alone: Alone, file: Path) -> None:
        self._alone, self._file = alone, file

    def take(self, *rows: str, **limits: int) -> ImportOutcome:
        self._file.write_text("\r\n".join([";".join(COLUMNS), *rows, ""]), encoding="utf-8", newline="")
        return import_customers(self._alone.wired.engine, self._file, "[0-9]{4,12}", FINGERPRINT, dry_run=False, **limits)

    def gone(self) -> list[str]:
        found = self._alone.sql("SELECT customer_number FROM register_customers WHERE gone_at IS NOT NULL ORDER BY 1")
        return [number for (number,) in found]

    def of(self, column: str) -> dict[str, str]:
        return dict(self._alone.sql(f"SELECT customer_number, {column} FROM register_customers ORDER BY 1"))


@pytest.fixture
def register(alone: Alone, tmp_path: Path) -> Register:
    return Register(alone, tmp_path / "register.csv")


def person(number: int, name: str = "Jan Wójcik", email: str = "") -> str:
    return f"{number};{name};person;;ul. Partyzantów 12, 43-300 Bielsko-Biała;U/2018/77;{email}"


@pytest.mark.parametrize(
    "bad",
    [
        "40118270;Anna Wiśniewska;person;;;;brak",
        "4011 8270;;person;;;;",
        "40118270;Anna;robot;;;;",
        "40118270;Anna;person;44051401358;;;",
        "40118270;Anna;person;;ul. A; B 1;;;",
        "40118270;Anna",
        '40118270;"Anna" Maria;person;;;;',
        "x;y;40118270",
    ],
)
def test_a_customer_whose_row_is_bad_has_not_left(register: Register, bad: str) -> None:
    register.take(person(40118270), person(40118271), person(40118272))
    outcome = register.take(bad, person(40118271))
    assert (len(outcome.bad), outcome.bad[0].line, outcome.nameless) == (1, 2, 0)
    assert register.gone() == ["40118272"]  # who is in no row at all
    assert register.of("name")["40118270"] == "Jan Wójcik"  # as it was


@pytest.mark.parametrize("bad", ["4O118270;Anna;person;;;;", ";Anna;person;;;;", "x;Anna", '";;;'])
def test_when_a_row_may_be_anybodys_nobody_counts_as_gone(register: Register, bad: str) -> None:
    register.take(person(40118270), person(40118271))
    outcome = register.take(person(40118271), bad)
    assert (outcome.nameless, outcome.gone) == (1, 0)
    assert register.gone() == []


def test_empty_lines_are_neither_rows_nor_bad(register: Register) -> None:
    outcome = register.take(person(40118270), ";;;;;;", "", person(40118271), ";;;;;;")
    assert (outcome.rows, outcome.added, outcome.bad) == (2, 2, [])


@pytest.mark.parametrize("typed", ["PL 526-000-12-46", "PL5260001246", "526-000-12-46", "526 000 12 46", "526–000–12–46"])
def test_a_tax_number_is_read_as_the_form_reads_it(register: Register, typed: str) -> None:
    assert register.take(f"10000000;Hydro;business;{typed};;;").bad == []
    assert register.of("tax_id") == {"10000000": "5260001246"}


def test_a_pesel_is_fingerprinted_as_the_form_stores_it(register: Register) -> None:
    register.take("10000000;Jan;person;440514–01359;;;", "10000001;Jan;person;44051401359;;;")
    assert set(register.of("pesel_fingerprint").values()) == {FINGERPRINT("44051401359")}


def test_a_file_that_would_lose_more_than_a_share_stops_and_changes_nothing(register: Register) -> None:
    register.take(*(person(40000000 + number) for number in range(1000)))
    half = [person(40000000 + number, "Zofia Nowa") for number in range(940)]
    outcome = register.take(*half, largest_loss=5)
    assert (outcome.too_many_gone, outcome.gone, outcome.changed) == (True, 60, 940)
    assert register.gone() == []
    assert set(register.of("name").values()) == {"Jan Wójcik"}  # not the changes either
    assert register.take(*half, largest_loss=5, agreed_loss=59).too_many_gone
    assert not register.take(*half, largest_loss=5, agreed_loss=60).too_many_gone
    assert len(register.gone()) == 60


def test_a_few_may_always_leave_a_small_register(register: Register) -> None:
    register.take(*(person(40000000 + number) for number in range(20)))
    assert not register.take(*(person(40000000 + number) for number in range(10)), largest_loss=5).too_many_gone
    assert len(register.gone()) == 10


def test_who_is_gone_already_is_no_loss_again(register: Register) -> None:
    register.take(*(person(40000000 + number) for number in range(100)))
    register.take(person(40000000), largest_loss=100)
    outcome = register.take(person(40000000), largest_loss=5)
    assert (outcome.gone, outcome.too_many_gone) == (0, False)


def test_a_file_of_headings_alone_loses_nobody(register: Register) -> None:
    register.take(*(person(40000000 + number) for number in range(20)))
    assert register.take(largest_loss=5).too_many_gone
    assert register.gone() == []
