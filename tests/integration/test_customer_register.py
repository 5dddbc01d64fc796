"""`import-customers` on the real database: encodings, bad rows, dry run, repeats; and the clerk's view of the match."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.world import World, paper_body

CLI = str(Path(sys.executable).parent / "ibok-provisioning")
HEAD = "customer_number;name;type;tax_id_or_pesel;supply_points;contract_numbers;email\n"
ROWS = (
    "40118270;Źdźbło-Żak Józefa;person;44051401359;ul. Źródlana 7/3, 43-300 Bielsko-Biała|Długa 1, 43-300 Bielsko-Biała;U/2019/771;j@example.com\n"
    '40118271;"Hydro-Śląsk; sp. z o.o.";przedsiębiorca;123-456-32-18;;;\n'
)


@pytest.fixture(scope="module")
def place(world: World) -> Iterator[Any]:
    """A database of its own: the register is one for a whole database."""
    superuser = (world.state / "db.superuser").read_text().strip()
    host = world.secrets["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
    root = f"postgresql://postgres:{superuser}@{host}/postgres"
    with psycopg.connect(root, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS register_test")
        connection.execute("CREATE DATABASE register_test OWNER ibok_provisioning")
    url = world.secrets["IBOK_DATABASE_URL"].rsplit("/", 1)[0] + "/register_test"
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "IBOK_KEYCLOAK_URL": world.keycloak, "IBOK_WEBAPP_URL": world.webapp}
    environment |= {"IBOK_PROVISIONING_URL": world.provisioning, **world.secrets, "IBOK_DATABASE_URL": url}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([CLI, *arguments], env=environment, capture_output=True, text=True, timeout=120)

    assert run("migrate").returncode == 0
    yield run, url
    with psycopg.connect(root, autocommit=True) as connection:
        connection.execute("DROP DATABASE register_test WITH (FORCE)")


def stored(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT * FROM register_customers ORDER BY customer_number").fetchall()


@pytest.mark.parametrize(("encoding", "comma"), [("utf-8", False), ("utf-8-sig", False), ("cp1250", False), ("utf-8", True)])
def test_a_register_comes_in_either_encoding_and_delimiter_and_twice_changes_nothing(
    place: Any, tmp_path: Path, encoding: str, comma: bool
) -> None:
    run, url = place
    text = HEAD + ROWS
    if comma:
        text = (
            HEAD.replace(";", ",")
            + '40118270,Źdźbło-Żak Józefa,person,44051401359,"ul. Źródlana 7/3, 43-300 Bielsko-Biała|Długa 1, 43-300 Bielsko-Biała",U/2019/771,j@example.com\n'
        )
        text += '40118271,"Hydro-Śląsk; sp. z o.o.",przedsiębiorca,1234563218,,,\n'
    file = tmp_path / "register.csv"
    file.write_bytes(text.encode(encoding))
    first = run("import-customers", str(file))
    assert first.returncode == 0, first.stderr
    again = run("import-customers", str(file), "--dry-run")
    assert "0 would be added, 0 changed, 0 gone" in " ".join(again.stderr.split())
    person, company = stored(url)
    assert (person[1], person[5]) == (
        "Źdźbło-Żak Józefa",
        ["ul. Źródlana 7/3, 43-300 Bielsko-Biała", "Długa 1, 43-300 Bielsko-Biała"],
    )
    assert "44051401359" not in str(person)  # a fingerprint only
    assert (company[1], company[3]) == ("Hydro-Śląsk; sp. z o.o.", "1234563218")


def test_bad_rows_are_named_and_the_rest_comes_in_and_a_dry_run_changes_nothing(place: Any, tmp_path: Path) -> None:
    run, url = place
    file = tmp_path / "register.csv"
    file.write_text(HEAD + ROWS)
    run("import-customers", str(file))
    before = stored(url)
    bad = "5000000;A;person;;;;;\n5000001;;person;;;;\n5000002;A;robot;;;;\n5000003;A;person;44051401358;;;\n5000004;A;person;;;;nonsense\n"
    file.write_text(
        HEAD
        + ROWS.splitlines(True)[0].replace("Józefa", "Janina")
        + bad
        + "5000005;Nowy Jan;person;;;;\n5000005;Nowy Jan;person;;;;\n"
    )
    said = run("import-customers", str(file), "--dry-run")
    words = " ".join(said.stderr.split())
    assert said.returncode == 2
    for line, reason in (
        (3, "8 cells where the heading has 7"),
        (4, "name is empty"),
        (5, "is none of"),
        (6, "wrong check digit"),
        (7, "not an address"),
        (9, "twice"),
    ):
        assert f"line {line}:" in words, words
        assert reason in words
    assert "1 would be added, 1 changed, 1 gone" in words
    assert stored(url) == before
    assert run("import-customers", str(file)).returncode == 2
    with psycopg.connect(url) as connection:
        gone = connection.execute("SELECT customer_number FROM register_customers WHERE gone_at IS NOT NULL").fetchall()
    assert gone == [("40118271",)]


def test_a_file_that_would_lose_too_many_stops_and_says_how_to_agree(place: Any, tmp_path: Path) -> None:
    run, url = place
    file = tmp_path / "register.csv"
    file.write_text(HEAD + "".join(f"{60000000 + number};Jan Nowak;person;;;;\n" for number in range(20)))
    assert run("import-customers", str(file), "--gone", "5").returncode == 0
    file.write_text(HEAD + "60000000;Jan Nowak;person;;;;\n")
    said = run("import-customers", str(file))
    words = " ".join(said.stderr.split())
    assert said.returncode == 1
    assert "Nothing was changed: 19 customers gone is more than IBOK_REGISTER_LARGEST_LOSS (5 %)" in words
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM register_customers WHERE gone_at IS NULL").fetchone() == (20,)
    assert run("import-customers", str(file), "--gone", "19").returncode == 0


@pytest.mark.parametrize("content", ["", "a;b;c\n1;2;3\n", "customer_number;name\n"])
def test_a_file_that_is_no_register_changes_nothing(place: Any, tmp_path: Path, content: str) -> None:
    run, url = place
    before = stored(url)
    file = tmp_path / "register.csv"
    file.write_text(content)
    said = run("import-customers", str(file))
    assert said.returncode == 1
    assert "lacks the columns" in " ".join(said.stderr.split())
    assert run("import-customers", str(tmp_path / "missing.csv")).returncode == 1
    assert stored(url) == before


def test_the_clerk_sees_what_agrees_with_the_register(world: World, tmp_path: Path) -> None:
    number = "70770001"
    try:
        world.sql(
            "INSERT INTO register_customers VALUES (%s, 'Józefa Źdźbło-Żak', 'person', NULL, NULL, %s, '[]', NULL, now(), NULL) "
            "ON CONFLICT (customer_number) DO NOTHING",
            number,
            psycopg.types.json.Jsonb(["Inna 9, 43-300 Bielsko-Biała"]),
        )
        clerk = world.staff("clerk")
        known = world.call(
            "POST", "/staff/applications", world.staff_token("clerk"), json=paper_body(customer_number=number)
        ).json()
        text = clerk.open(f"{world.provisioning}/wniosek/{known['reference']}").text
        assert "Zgodność z rejestrem klientów" in text
        assert "w rejestrze Inna 9, 43-300 Bielsko-Biała" in text
        unknown = world.call(
            "POST", "/staff/applications", world.staff_token("clerk"), json=paper_body(customer_number="70779999")
        ).json()
        text = clerk.open(f"{world.provisioning}/wniosek/{unknown['reference']}").text
        assert "nie wiadomo" in text
    finally:
        world.sql("DELETE FROM register_customers WHERE customer_number = %s", number)


@pytest.mark.parametrize("bent", [b"\0", b"\x81", b"\x98"], ids=["NUL", "no letter of Windows-1250", "another"])
def test_a_row_with_bytes_that_are_no_text_is_left_out_and_the_others_are_taken(place: Any, tmp_path: Path, bent: bytes) -> None:
    run, url = place
    file = tmp_path / "register.csv"
    file.write_bytes((HEAD + ROWS).encode("cp1250").replace(b"Hydro", b"Hy" + bent + b"dro"))
    said = run("import-customers", str(file))
    assert said.returncode == 2, said.stderr
    assert "line 3: name holds a character that cannot be read" in said.stderr
    assert [row[0] for row in stored(url)][:1] == ["40118270"]
