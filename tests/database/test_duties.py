"""A worker that nothing stops: each duty fails, pauses and comes back for itself, and others can read how it stands."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import text

from ibok_idp.database import make_engine
from provisioning import doctor
from provisioning.adapters.postgres.demo_applications import generate
from provisioning.adapters.postgres.duty_book import DutyBook
from provisioning.adapters.postgres.troubles import DatabaseGone
from provisioning.ports.directory import DirectoryTrouble
from provisioning.use_cases.account.resign import close_due_accounts
from provisioning.use_cases.one_by_one import LeftBehind, one_by_one
from provisioning.wiring import Wired
from provisioning.worker.duties import Duty, DutyMetrics, Keeper, keep
from provisioning.worker.run import duties
from tests.support.databases import Databases, running_databases
from tests.support.free_ports import free_ports
from tests.support.world import eventually

SECOND = timedelta(seconds=1)


class Keepers:
    """Keepers on one book, as one worker process has them."""

    def __init__(self, wired: Wired) -> None:
        self.book = wired.duties
        self.registry = CollectorRegistry()
        self._metrics = DutyMetrics(self.registry)

    def of(self, name: str, do: Callable[[], object], every: timedelta = SECOND) -> Keeper:
        return Keeper(Duty(name, every, do), self.book, self._metrics)

    def numbers(self) -> str:
        return generate_latest(self.registry).decode()


@pytest.fixture
def keepers(wired: Wired) -> Keepers:
    return Keepers(wired)


def sql(wired: Wired, statement: str, **values: Any) -> Any:
    with wired.engine.begin() as connection:
        return connection.execute(text(statement), values)


def failing(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


# -- one duty --------------------------------------------------------------------------------------


def test_a_duty_that_fails_pauses_ever_longer_up_to_a_cap_and_is_noted_without_words_of_a_person(keepers: Keepers) -> None:
    keeper = keepers.of("mailbox", failing(RuntimeError("zofia@example.com cannot be read")), timedelta(seconds=15))
    pauses = [keeper.round().total_seconds() for _ in range(7)]
    assert pauses == [30, 60, 120, 225, 225, 225, 225]
    (state,) = keepers.book.states()
    assert (state.name, state.failures, state.error, state.succeeded_at) == ("mailbox", 7, "RuntimeError", None)
    assert state.failing_since is not None
    assert 'ibok_duty_rounds_total{duty="mailbox",outcome="failed"} 7.0' in keepers.numbers()
    assert 'ibok_duty_failing{duty="mailbox"} 1.0' in keepers.numbers()


def test_a_duty_that_goes_on_forgets_its_failures(keepers: Keepers) -> None:
    outcomes: list[Exception | None] = [RuntimeError(), RuntimeError(), None, RuntimeError()]

    def do() -> None:
        if (error := outcomes.pop(0)) is not None:
            raise error

    keeper = keepers.of("digest", do)
    assert [keeper.round().total_seconds() for _ in range(4)] == [2, 4, 1, 2]
    (state,) = keepers.book.states()
    assert state.failures == 1
    assert state.succeeded_at is not None


@pytest.mark.parametrize("outage", [DirectoryTrouble("keycloak_unavailable", retry=True), DatabaseGone("away")])
def test_an_outage_is_asked_about_often(keepers: Keepers, outage: Exception) -> None:
    keeper = keepers.of("follow_keycloak", failing(outage), timedelta(seconds=3))
    assert [keeper.round().total_seconds() for _ in range(5)] == [6, 12, 15, 15, 15]


def test_what_is_left_behind_is_shown_and_makes_nobody_wait(keepers: Keepers) -> None:
    keeper = keepers.of("close_accounts", failing(LeftBehind(3)), timedelta(minutes=1))
    assert [keeper.round().total_seconds() for _ in range(3)] == [60, 60, 60]
    assert [(state.failures, state.error) for state in keepers.book.states()] == [(3, "LeftBehind (3)")]


def test_a_duty_goes_on_while_its_state_cannot_be_written_down(databases: Databases) -> None:
    engine = make_engine("postgresql://nobody:x@127.0.0.1:9/none")
    rounds: list[int] = []
    keeper = Keeper(Duty("digest", SECOND, lambda: rounds.append(1)), DutyBook(engine), DutyMetrics(CollectorRegistry()))
    keeper.round()
    keeper.round_when_due()
    assert len(rounds) == 2


def test_a_duty_kept_by_the_queue_rests_as_long_as_its_pause_lasts_in_every_worker(keepers: Keepers, wired: Wired) -> None:
    rounds: list[int] = []

    def do() -> None:
        rounds.append(1)
        raise RuntimeError

    first, second = (keepers.of("digest", do, timedelta(minutes=1)) for _ in range(2))
    for keeper in (first, second, first):
        keeper.round_when_due()
    assert len(rounds) == 1
    sql(wired, "UPDATE duties SET next_at = now() - interval '1 second'")
    second.round_when_due()
    assert [(len(rounds), state.failures) for state in keepers.book.states()] == [(2, 2)]


def test_no_duty_waits_for_another_one_that_hangs_or_fails(keepers: Keepers) -> None:
    """What one raises, and how long one hangs, no other notices."""
    hanging = threading.Event()
    rounds: dict[str, int] = {"well": 0, "fails": 0}

    def well() -> None:
        rounds["well"] += 1

    def fails() -> None:
        rounds["fails"] += 1
        raise ValueError

    tick = timedelta(milliseconds=20)
    kept = [keepers.of("hangs", hanging.wait), keepers.of("well", well, tick), keepers.of("fails", fails, tick)]

    async def for_a_while() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(2, stopping.set)
        asyncio.get_running_loop().call_later(2, hanging.set)
        await asyncio.gather(*(keep(keeper, stopping) for keeper in kept))

    asyncio.run(for_a_while())
    assert rounds["well"] > 10
    assert 3 < rounds["fails"] < rounds["well"]


# -- one of many -----------------------------------------------------------------------------------


def test_one_that_raises_stops_none_of_the_others_but_an_outage_stops_all() -> None:
    done: list[str] = []

    def do(name: str) -> bool:
        if name.startswith("bad"):
            raise ValueError(name)
        if name == "away":
            raise DatabaseGone(name)
        done.append(name)
        return True

    assert one_by_one("account", ["a", "b"], do) == 2
    with pytest.raises(LeftBehind, match="2"):
        one_by_one("account", ["bad1", "c", "bad2", "d"], do)
    assert done == ["a", "b", "c", "d"]
    with pytest.raises(DatabaseGone):
        one_by_one("account", ["away", "e"], do)
    assert done[-1] == "d"


def accounts_to_close(wired: Wired, stuck: int) -> None:
    """So many deleted accounts whose user Keycloak does not let go of, and behind them one whose day to be closed has come."""
    with wired.services.work() as work:
        generate(wired.services, work, stuck + 1)
    numbered = "(SELECT row_number() OVER (ORDER BY reference) AS n, reference FROM applications) AS a"
    login = f"CASE WHEN n > {stuck} THEN 'zz-behind' ELSE 'wp' || n END"
    sql(wired, f"INSERT INTO issued_logins SELECT {login}, reference, now() FROM {numbered}")
    sql(
        wired,
        "INSERT INTO accounts (login, reference, state, step, created_at, attempts, anonymise_on, closes_on, keycloak_pending) "
        f"SELECT {login}, reference, CASE WHEN n > {stuck} THEN 'resigning' ELSE 'deleted' END, 'done', now(), 0, '2020-01-01', "
        f"'2020-01-01', n <= {stuck} FROM {numbered}",
    )


def state_of(wired: Wired, login: str) -> str:
    with wired.services.work() as work:
        return work.accounts.get(login).state.value


def test_s8_a_thousand_accounts_that_stick_do_not_starve_the_one_behind_them(wired: Wired) -> None:
    accounts_to_close(wired, stuck=1000)
    for _ in range(3):  # 1000 of 1001 are looked at each time: to miss one of them thrice is as good as impossible
        close_due_accounts(wired.services)
        if state_of(wired, "zz-behind") == "closed":
            break
    assert state_of(wired, "zz-behind") == "closed"


def test_s8_one_account_that_cannot_be_moved_on_stops_none_of_the_others(wired: Wired) -> None:
    accounts_to_close(wired, stuck=5)
    sql(wired, "UPDATE accounts SET gone_in_keycloak = true WHERE state = 'deleted'")
    sql(
        wired,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cannot be moved on'; END $$; "
        "CREATE TRIGGER refuse BEFORE UPDATE ON accounts FOR EACH ROW WHEN (OLD.login IN ('wp1', 'wp4')) EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(LeftBehind, match="2 left behind"):
        close_due_accounts(wired.services)
    assert [state_of(wired, f"wp{n}") for n in range(1, 6)] == ["deleted", "anonymised", "anonymised", "deleted", "anonymised"]
    assert state_of(wired, "zz-behind") == "closed"


# -- as others see it ------------------------------------------------------------------------------


def finding(wired: Wired) -> str:
    try:
        return doctor._worker(wired)
    except doctor._Wrong as wrong:
        return str(wrong)


def test_doctor_says_that_no_worker_ran_that_it_is_silent_and_which_duty_fails(keepers: Keepers, wired: Wired) -> None:
    assert "no worker has run" in finding(wired)
    keepers.of("heartbeat", lambda: None).round()
    keepers.of("digest", lambda: None).round()
    assert finding(wired) == "lives, and every duty is done"
    keepers.of("mailbox", failing(ConnectionRefusedError())).round()
    assert "mailbox fails since" in finding(wired)
    assert "ConnectionRefusedError" in finding(wired)
    sql(wired, "UPDATE duties SET next_at = now() - interval '11 minutes' WHERE name = 'digest'")
    assert "digest has not come back since" in finding(wired)
    sql(wired, "UPDATE duties SET tried_at = now() - interval '61 seconds' WHERE name = 'heartbeat'")
    assert "the worker has been silent since" in finding(wired)


def test_every_duty_has_words_on_the_task_page_and_a_line_in_the_docs(wired: Wired) -> None:
    from provisioning.staff_ui import words

    names = {duty.name for duty in duties(wired.services)}
    assert names == set(words.DUTY)
    page = (Path(doctor.__file__).parents[1] / "docs" / "how-to" / "failing-duty.md").read_text()
    assert [name for name in names if f"`{name}`" not in page] == []


def test_a_duty_that_this_version_does_not_know_is_forgotten(keepers: Keepers) -> None:
    keepers.of("old", failing(ValueError())).round()
    keepers.of("digest", lambda: None).round()
    keepers.book.keep_only(["digest"])
    assert [state.name for state in keepers.book.states()] == ["digest"]


# -- the whole process -----------------------------------------------------------------------------


class Process:
    """A worker with nobody but PostgreSQL: Keycloak and the mail server refuse, the mailbox refuses the login."""

    def __init__(self, url: str, folder: Path, **more: str) -> None:
        self.port = free_ports(1)[0]
        self.log = folder / "worker.log"
        project = Path(doctor.__file__).parents[1]
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(project),
            "PYTHONWARNINGS": "error:A second transaction:RuntimeWarning",
            "IBOK_DATABASE_URL": url,
            "IBOK_KEYCLOAK_URL": "http://127.0.0.1:9",
            "IBOK_WEBAPP_URL": "http://localhost:8000",
            "IBOK_PROVISIONING_URL": "http://localhost:8001",
            "IBOK_PROVISIONING_CLIENT_SECRET": "s" * 40,
            "IBOK_TEMPORARY_PASSWORD_KEY": "t" * 40,
            "IBOK_PERSONAL_DATA_KEY": "p" * 40,
            "IBOK_SMTP_URL": "smtp://127.0.0.1:9",
            "IBOK_WORKER_PORT": str(self.port),
        }
        command = [str(Path(sys.executable).parent / "ibok-provisioning"), "worker"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, env=environment | more, stdout=output, stderr=output, cwd=project)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, headers=headers)
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.text

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def started(url: str, folder: Path, **more: str) -> Iterator[Process]:
    worker = Process(url, folder, **more)
    try:
        yield worker
    finally:
        worker.process.terminate()
        worker.process.wait(40)


@contextmanager
def refusing_mailbox() -> Iterator[str]:
    """An IMAP server that refuses every login."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, client.makefile("rwb") as lines:
                    lines.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
                    lines.flush()
                    for line in lines:
                        tag, _, command = line.partition(b" ")
                        refused = command.upper().startswith(b"LOGIN")
                        lines.write(tag + (b" NO [AUTHENTICATIONFAILED] no\r\n" if refused else b" OK done\r\n"))
                        lines.flush()

        threading.Thread(target=serve, daemon=True).start()
        yield f"imap://ibok:secret-of-the-mailbox@127.0.0.1:{server.getsockname()[1]}/INBOX"


def test_a_worker_whose_mailbox_and_keycloak_refuse_lives_and_says_so(databases: Databases, wired: Wired, tmp_path: Path) -> None:
    """A refused login at the mailbox ended the whole worker within a second, and again at each start."""
    url = wired.settings.database_url.get_secret_value()
    with refusing_mailbox() as mailbox, started(url, tmp_path, IBOK_IMAP_URL=mailbox) as worker:
        eventually(lambda: worker.get("/readyz")[0] == 200, 60)
        eventually(lambda: {"mailbox", "follow_keycloak"} <= {each.name for each in wired.duties.worker().failing}, 60)
        wanted = {duty.name for duty in duties(wired.services)}
        eventually(lambda: {each.name for each in wired.duties.states()} == wanted, 90)
        assert worker.process.poll() is None
        assert {each.name for each in wired.duties.worker().failing} <= {"mailbox", "follow_keycloak"}
        assert worker.get("/healthz")[0] == 200
        status, numbers = worker.get("/metrics")
        assert status == 200
        assert 'ibok_duty_failing{duty="mailbox"} 1.0' in numbers
        assert 'ibok_duty_failing{duty="digest"} 0.0' in numbers
        assert worker.get("/metrics", **{"X-Forwarded-For": "192.0.2.1"})[0] == 404
        assert "mailbox fails since" in finding(wired)
    assert worker.process.returncode == 0
    assert "secret-of-the-mailbox" not in worker.log.read_text()
    failed = [event for event in worker.events() if event["event"] == "duty.failed"]
    assert {"mailbox", "follow_keycloak"} == {event["duty"] for event in failed}


def test_k05_a_worker_outlives_its_database_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with running_databases() as own, own.fresh() as url, started(url, tmp_path) as worker:
        book = DutyBook(make_engine(url))
        eventually(lambda: worker.get("/readyz")[0] == 200, 60)
        own.stop()
        eventually(lambda: worker.get("/readyz")[0] == 503, 60)
        assert worker.get("/healthz")[0] == 200
        time.sleep(3)
        own.start()
        eventually(lambda: worker.get("/readyz")[0] == 200, 90)
        assert worker.process.poll() is None
        back = datetime.now(UTC)
        eventually(lambda: any(each.name == "heartbeat" and each.tried_at > back for each in book.states()), 60)


def test_k01_a_worker_that_is_killed_leaves_no_duty_behind_for_the_next_one(wired: Wired, tmp_path: Path) -> None:
    """A periodic round that was under way holds its lock; the next worker gives it free."""
    url = wired.settings.database_url.get_secret_value()
    for statement in (
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')",
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id) "
        "SELECT 'duties', 'duty:digest', 'duty:digest', 'duty:digest', '{\"timestamp\": 0}', 'doing', max(id) FROM procrastinate_workers",
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args) "
        "VALUES ('duties', 'duty:digest', 'duty:digest', 'duty:digest', '{\"timestamp\": 60}')",
    ):
        sql(wired, statement)
    with started(url, tmp_path) as worker:
        eventually(lambda: any(each.name == "digest" for each in wired.duties.states()), 90)
        assert worker.process.poll() is None


def test_a_worker_whose_port_is_taken_says_which_setting_helps(wired: Wired, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        worker = Process(wired.settings.database_url.get_secret_value(), tmp_path, IBOK_WORKER_PORT=port)
        assert worker.process.wait(60) == 1
    assert "IBOK_WORKER_PORT" in worker.log.read_text()


def test_a_worker_that_is_stopped_ends_at_once_and_is_silent_a_minute_later(wired: Wired, tmp_path: Path) -> None:
    with started(wired.settings.database_url.get_secret_value(), tmp_path) as worker:
        eventually(lambda: worker.get("/readyz")[0] == 200, 60)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(20) == 0
    sql(wired, "UPDATE duties SET tried_at = tried_at - interval '2 minutes'")
    assert wired.duties.worker().silent_since is not None
