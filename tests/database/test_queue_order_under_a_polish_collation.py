"""The queue by name under a Polish collation: the database alone decides the order, so no page loses a row."""

import itertools
from collections.abc import Iterator

import pytest

from provisioning.domain.desk import QueueFilter, QueueSort
from tests.support.database_alone import Alone, alone_on
from tests.support.databases import Databases

NAMES = [
    "Łach", "Lach", "La Fontaine", "La-Fontaine", "Labuda", "Łabuda", "Żak", "Zak", "Żąk", "Zaworski", "Żaworska", "Źdźbło", "Zdzblo",
    "O'Neil", "Oneil", "Ońska", "Đorđević", "Dordević", "Dziura", "Øster", "Oster", "Müller", "Muller", "Ćwik", "Cwik", "Świt", "Swit",
]  # fmt: skip


@pytest.fixture(scope="module")
def polish(databases: Databases) -> Iterator[Alone]:
    if not databases.compile_polish_locale():
        pytest.skip("no sources of locales here (Debian: apt-get install locales)")
    with alone_on(databases, create="TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'pl_PL.UTF-8'") as found:
        for name in NAMES:
            found.entered(last_name=name)
        yield found


def by_name(polish: Alone, *, descending: bool, text: str) -> list[str]:
    found, cursor = list[str](), None
    while True:
        wanted = QueueFilter(sort=QueueSort.NAME, descending=descending, text=text, cursor=cursor, limit=4)
        with polish.services.work() as work:
            page = work.applications.page(wanted)
        found += [each.data["last_name"] for each in page.applications]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(("descending", "text"), list(itertools.product((False, True), ("", "jozefa"))))
def test_pages_by_name_show_every_application_once_in_one_order(polish: Alone, descending: bool, text: str) -> None:
    found = by_name(polish, descending=descending, text=text)
    assert sorted(found) == sorted(NAMES)
    rows = polish.sql(f'SELECT sort_name FROM applications ORDER BY sort_name COLLATE "C" {"DESC" if descending else "ASC"}')
    with polish.services.work() as work:
        keys = {each.data["last_name"]: work.applications.row(each)["sort_name"] for each in work.applications.open_after("", 100)}  # type: ignore[attr-defined]
    assert [keys[name] for name in found] == [row[0] for row in rows]


def test_a_whole_page_is_in_the_order_of_the_database(polish: Alone) -> None:
    """The order of one page is that of the pages: not another one made afterwards."""
    with polish.services.work() as work:
        one = [each.reference for each in work.applications.page(QueueFilter(sort=QueueSort.NAME, limit=200)).applications]
    in_database = [row[0] for row in polish.sql('SELECT reference FROM applications ORDER BY sort_name COLLATE "C", reference')]
    assert one == in_database


def test_the_walk_by_name_uses_its_index(polish: Alone) -> None:
    polish.sql("ANALYZE applications")
    statement = 'EXPLAIN SELECT reference FROM applications ORDER BY sort_name COLLATE "C", reference LIMIT 5'
    with polish.wired.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(connection.exec_driver_sql(statement).scalars())
    assert "applications_by_name" in plan
