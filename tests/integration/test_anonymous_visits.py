"""Looking at pages leaves nothing behind; a form that begins leaves one visit."""

import psycopg

from tests.support.world import World

LOOKED_AT = (
    "/", "/wniosek", "/haslo", "/haslo/wyslane", "/regulamin", "/rodo", "/deklaracja-dostepnosci", "/konto", "/logowanie",
    "/wniosek/klient", "/wniosek/zlozony", "/wniosek/potwierdzenie/a.b", "/konto/email/abc", "/konto/email/cofnij/abc", "/wylogowano",
    "/nothing-here", "/wniosek/status/2026-000001-1/abc", "/oidc/callback?code=x&state=y", "/?lang=en",
)  # fmt: skip


def rows(world: World, database: str) -> int:
    with psycopg.connect(world.secrets[database]) as connection:
        found = connection.execute("SELECT count(*) FROM web_sessions").fetchone()
        return int(found[0]) if found else 0


def test_f05_who_only_looks_at_pages_leaves_no_row_and_a_form_that_begins_leaves_one(world: World) -> None:
    before = rows(world, "IBOK_WEBAPP_DATABASE_URL")
    for _ in range(3):
        for path in LOOKED_AT:  # each as a new visitor
            world.visitor().session.get(world.webapp + path, timeout=30, allow_redirects=False)
    visitor = world.visitor()
    for path in LOOKED_AT:  # all as one
        visitor.session.get(world.webapp + path, timeout=30, allow_redirects=False)
    page = visitor.send(visitor.open(f"{world.webapp}/haslo"), {"login": "nobody"})
    assert page.url.endswith("/haslo/wyslane")  # the form's token held, without a row
    assert rows(world, "IBOK_WEBAPP_DATABASE_URL") == before
    visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    assert rows(world, "IBOK_WEBAPP_DATABASE_URL") == before + 1


def test_f05_the_staff_ui_keeps_nothing_of_strangers_either(world: World) -> None:
    before = rows(world, "IBOK_DATABASE_URL")
    for path in ("/", "/logowanie", "/wniosek/2026-000001-1", "/nowy", "/wylogowano", "/oidc/callback?code=x&state=y"):
        world.visitor().session.get(world.provisioning + path, timeout=30, allow_redirects=False)
    assert rows(world, "IBOK_DATABASE_URL") == before
