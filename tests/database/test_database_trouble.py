"""K05, P08: what PostgreSQL answers when it does not do it, and what of it reaches doors and logs."""

from __future__ import annotations

import io
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import structlog
from flask import request
from sqlalchemy import text

from ibok_idp.database import make_engine
from ibok_idp.log import _hide, configure_logging
from provisioning.adapters.postgres.troubles import Collision, DatabaseBusy, DatabaseFull, DatabaseGone, DatabaseReadOnly
from provisioning.adapters.postgres.work import SecondTransaction
from provisioning.api.request import read_json
from provisioning.domain.errors import Invalid
from provisioning.domain.terms import FormActivation
from provisioning.web import create_app
from provisioning.wiring import Wired
from tests.support.databases import Databases
from tests.support.world import eventually


def connection_of(work: Any) -> Any:
    return work.audit._connection


def run(wired: Wired, statement: str) -> None:
    with wired.services.work() as work:
        connection_of(work).execute(text(statement))


def raising(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{state}'; END $$"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (raising("40001"), Collision),
        (raising("40P01"), Collision),
        ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(2)", DatabaseBusy),
        (raising("55P03"), DatabaseBusy),
        (raising("53100"), DatabaseFull),
        (raising("53200"), DatabaseFull),
        ("SET TRANSACTION READ ONLY; CREATE TABLE never (a int)", DatabaseReadOnly),
        ("SELECT pg_terminate_backend(pg_backend_pid())", DatabaseGone),
    ],
)
def test_k05_each_reason_why_postgresql_does_not_do_it_has_its_name(wired: Wired, statement: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as told:
        run(wired, statement)
    assert type(told.value) is kind
    assert not getattr(told.value, "in_doubt", False)


def test_a_fault_of_ours_is_no_trouble_of_the_database(wired: Wired) -> None:
    with pytest.raises(Exception, match="does not exist"):
        run(wired, "SELECT * FROM no_such_table")


def test_k05_a_connection_that_breaks_at_the_commit_leaves_it_in_doubt(wired: Wired, databases: Databases) -> None:
    with pytest.raises(DatabaseGone) as told, wired.services.work() as work:
        pid = connection_of(work).execute(text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(databases.server.superuser_url(), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            eventually(lambda: not other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone(), 5)
    assert told.value.in_doubt


def test_what_postgresql_cannot_hold_is_refused_in_a_job_too(wired: Wired) -> None:
    with pytest.raises(Invalid), wired.services.work() as work:
        work.queue.request_new_password("a\0b")


def colliding(wired: Wired) -> list[Callable[[], str]]:
    """Two steps that lock the same two rows in different orders, and meet in the middle at their first try."""
    run(wired, "CREATE TABLE IF NOT EXISTS pair (name text PRIMARY KEY, count int NOT NULL)")
    run(wired, "INSERT INTO pair VALUES ('a', 0), ('b', 0) ON CONFLICT DO NOTHING")
    meeting = threading.Barrier(2, timeout=10)

    def step(first: str, second: str) -> Callable[[], str]:
        tries = []

        def do() -> str:
            tries.append(1)
            with wired.services.work() as work:
                count = text("UPDATE pair SET count = count + 1 WHERE name = :name")
                connection_of(work).execute(count, {"name": first})
                if len(tries) == 1:
                    meeting.wait()
                connection_of(work).execute(count, {"name": second})
            return f"{first}{second}"

        return do

    return [step("a", "b"), step("b", "a")]


def counted(wired: Wired) -> list[int]:
    with wired.services.work() as work:
        return [row.count for row in connection_of(work).execute(text("SELECT count FROM pair ORDER BY name"))]


def test_k05_a_deadlock_is_tried_again_and_both_steps_happen_once(wired: Wired) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(wired.again, colliding(wired)))
    assert done == ["ab", "ba"]
    assert counted(wired) == [2, 2]


def test_k05_without_a_second_try_one_of_them_is_told_of_a_collision_not_of_an_outage(wired: Wired) -> None:
    def kind(do: Callable[[], str]) -> str:
        try:
            return do()
        except Collision:
            return "collision"

    with ThreadPoolExecutor(2) as pool:
        assert "collision" in list(pool.map(kind, colliding(wired)))


def test_what_has_been_committed_in_part_is_never_done_again(wired: Wired) -> None:
    run(wired, "CREATE TABLE pair (name text PRIMARY KEY, count int NOT NULL)")
    run(wired, "INSERT INTO pair VALUES ('a', 0)")

    def do() -> None:
        run(wired, "UPDATE pair SET count = count + 1")
        run(wired, raising("40P01"))

    with pytest.raises(Collision) as told:
        wired.again(do)
    assert told.value.in_doubt  # and the door says so
    assert counted(wired) == [1]
    tries = []

    def only_read() -> int:
        tries.append(1)
        run(wired, "SELECT 1")
        if len(tries) < 3:
            run(wired, raising("40001"))
        return len(tries)

    assert wired.again(only_read) == 3


def test_a_collision_that_never_ends_is_given_up(wired: Wired) -> None:
    tries = []

    def do() -> None:
        tries.append(1)
        run(wired, raising("40001"))

    with pytest.raises(Collision):
        wired.again(do)
    assert len(tries) == 4


# -- one connection a thread -----------------------------------------------------------------------


def test_a_second_transaction_in_one_thread_is_refused_where_tests_look(wired: Wired) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SecondTransaction)
        with pytest.raises(SecondTransaction), wired.services.work(), wired.services.work():
            pass
        with wired.services.work():
            pass
        with wired.services.only_one("x") as alone, wired.services.work():
            assert alone


def test_40_threads_in_a_transaction_that_ask_for_the_form_do_not_wait_for_each_other(wired: Wired) -> None:
    """Each of them held a connection and waited for another: they stood for ten seconds, and a third of them failed."""
    meeting = threading.Barrier(30, timeout=20)  # as many as there are connections

    def ask(number: int) -> int:
        with wired.services.work():
            if number < 30:
                meeting.wait()
            wired.services.current_form(datetime.now(UTC).date())
            return len(wired.services.versions)

    began = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(ask, range(40))) == {len(wired.services.forms)}
    assert time.monotonic() - began < 8


def test_a_version_that_was_just_activated_is_seen_in_the_same_transaction(wired: Wired) -> None:
    day = datetime(2031, 5, 6, tzinfo=UTC)
    with wired.services.work() as work:
        work.form_activations.put(FormActivation("2026-1", day.date(), day, "manager"))
        assert [form.valid_from for form in wired.services.versions] == [day.date()]


def test_as_many_locks_as_connections_leave_the_holders_a_connection(wired: Wired) -> None:
    meeting = threading.Barrier(30, timeout=20)

    def hold(number: int) -> bool:
        with wired.services.only_one(f"lock:{number}") as alone:
            meeting.wait()
            with wired.services.work() as work:
                work.form_activations.every()
            return alone

    began = time.monotonic()
    with ThreadPoolExecutor(30) as pool:
        assert all(pool.map(hold, range(30)))
    assert time.monotonic() - began < 8


# -- at the door -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def door(databases: Databases) -> Iterator[tuple[Wired, Any]]:
    """The web process with one more page and one more call, which anybody may open; they do what SQL they are told."""
    with databases.wired() as wired:
        app = create_app(wired.settings, wired)
        seen: list[Any] = app.extensions.setdefault("seen", [])

        def view() -> str:
            seen.append(read_json() if request.is_json else request.files["file"].read() if request.files else dict(request.form))
            statements = request.args.getlist("sql")
            run(wired, statements[min(len(seen), len(statements)) - 1])
            return "done"

        for path in ("/probe", "/api/v1/probe"):
            app.add_url_rule(path, endpoint=path, view_func=view, methods=["GET", "POST"])
        app.config["WTF_CSRF_ENABLED"] = False
        yield wired, app


def asked(app: Any, path: str, *statements: str, **options: Any) -> tuple[Any, list[Any]]:
    app.extensions["seen"].clear()
    method = "POST" if options else "GET"
    answer = app.test_client().open(path, method=method, query_string={"sql": list(statements)}, **options)
    return answer, list(app.extensions["seen"])


@pytest.mark.parametrize("path", ["/probe", "/api/v1/probe", "/metrics", "/readyz"])
def test_k05_no_free_connection_is_a_503_that_says_when(
    door: tuple[Wired, Any], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    wired, app = door
    monkeypatch.setattr(wired.engine.pool, "_timeout", 0.1)
    held = [wired.engine.connect() for _ in range(30)]
    try:
        answer, _ = asked(app, path, "SELECT 1")
    finally:
        for each in held:
            each.close()
    assert answer.status_code == 503
    assert answer.headers.get("Retry-After") or path == "/readyz"


@pytest.mark.parametrize("path", ["/probe", "/api/v1/probe"])
@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "53100", "57P01"])
def test_k05_every_reason_is_a_503_at_both_doors(door: tuple[Wired, Any], path: str, state: str) -> None:
    answer, _ = asked(door[1], path, raising(state))
    assert (answer.status_code, bool(answer.headers["Retry-After"])) == (503, True)
    if path.startswith("/api"):
        assert answer.get_json()["code"] == ("database_busy" if state in ("40001", "40P01", "55P03") else "database_unavailable")


def test_k05_a_request_that_met_a_deadlock_is_answered_anew_with_the_same_body(door: tuple[Wired, Any]) -> None:
    answer, seen = asked(door[1], "/api/v1/probe", raising("40P01"), "SELECT 1", json={"name": "Zofia"})
    assert (answer.text, seen) == ("done", [{"name": "Zofia"}] * 2)
    answer, seen = asked(door[1], "/probe", raising("40P01"), "SELECT 1", data={"name": "Zofia"})
    assert (answer.text, seen) == ("done", [{"name": "Zofia"}] * 2)


def test_a_request_with_a_file_is_not_answered_anew(door: tuple[Wired, Any]) -> None:
    answer, seen = asked(door[1], "/probe", raising("40P01"), "SELECT 1", data={"file": (io.BytesIO(b"%PDF"), "scan.pdf")})
    assert (answer.status_code, seen) == (503, [b"%PDF"])


# -- nothing of a person in logs -------------------------------------------------------------------


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process would write on stderr, by structlog and by the standard library."""
    output = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, _hide, structlog.processors.JSONRenderer(ensure_ascii=False)],
        logger_factory=structlog.PrintLoggerFactory(output),
    )
    handler = logging.StreamHandler(output)
    logging.getLogger().addHandler(handler)
    yield output
    logging.getLogger().removeHandler(handler)
    configure_logging()


SECRETS = {"email": "zofia@example.com", "phone": "+48 600 100 200", "nonce": b"nonce-that-yields-a-password"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO people VALUES (:email, :phone, :nonce)",  # the row is there: Key (email)=(…) already exists
        "INSERT INTO people VALUES (:email, :phone, NULL)",  # Failing row contains (…)
        "INSERT INTO people VALUES (:email || 'x', :phone, :nonce, 1, 2)",  # one column too many
        "INSERT INTO people VALUES (:email || 'y', CAST(:email AS integer), :nonce)",  # invalid input syntax: "…"
        "SELECT CAST(:phone AS jsonb), :email, CAST(:nonce AS text)",  # CONTEXT: JSON data, line 1
        "UPDATE people SET email = :email WHERE nonce = CAST(:nonce AS integer) AND phone = :phone",
    ],
)
def test_p08_a_database_error_that_is_logged_shows_no_value(wired: Wired, logged: io.StringIO, statement: str) -> None:
    run(wired, "CREATE TABLE people (email text PRIMARY KEY, phone text NOT NULL, nonce bytea NOT NULL CHECK (phone <> 'x'))")
    with wired.services.work() as work:
        connection_of(work).execute(text("INSERT INTO people VALUES (:email, :phone, :nonce)"), SECRETS)
    log = structlog.get_logger()
    try:
        with wired.services.work() as work:
            connection_of(work).execute(text(statement), SECRETS)
    except Exception:
        log.exception("job.failed")
        logging.getLogger("procrastinate").exception("Job ended")
    written = logged.getvalue()
    assert "job.failed" in written
    for value in ("zofia", "600 100 200", "nonce-that", SECRETS["nonce"].hex()):
        assert value not in written, written


def test_p08_webapps_engine_hides_values_as_well(databases: Databases) -> None:
    with databases.fresh() as url:
        engine = make_engine(url)
        with pytest.raises(Exception) as told, engine.begin() as connection:
            connection.execute(text("SELECT CAST(:email AS integer)"), {"email": "zofia@example.com"})
        engine.dispose()
    assert "zofia" not in str(told.value) + str(told.value.__cause__)


def test_p08_the_local_postgresql_logs_no_row_either(wired: Wired, databases: Databases) -> None:
    run(wired, "CREATE TABLE people (email text PRIMARY KEY)")
    for _ in range(2):
        try:
            with wired.services.work() as work:
                connection_of(work).execute(text("INSERT INTO people VALUES (:email)"), {"email": "known@example.com"})
        except Exception:
            continue
    assert "people_pkey" in databases.log.read_text()
    assert "known@example.com" not in databases.log.read_text()


def test_every_engine_of_ours_comes_from_one_place() -> None:
    from pathlib import Path

    import ibok_idp

    project = Path(ibok_idp.__file__).parents[1]
    makers = [
        path.relative_to(project).as_posix()
        for package in ("ibok_idp", "provisioning", "webapp")
        for path in (project / package).rglob("*.py")
        if "create_engine(" in path.read_text()
    ]
    assert makers == ["ibok_idp/database.py"]


def test_a_job_that_is_all_a_transaction_does_is_kept(wired: Wired) -> None:
    with wired.services.work() as work:
        work.queue.request_new_password("wp12345678")
    with wired.engine.connect() as connection:
        found = connection.execute(text("SELECT task_name FROM procrastinate_jobs")).scalars().all()
    assert found == ["request_new_password"]
