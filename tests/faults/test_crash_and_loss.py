"""K01 to K06: killed processes, lost answers, a Keycloak, mail server or database that is away.

A database and a mailbox of its own, so that nothing here disturbs other tests; the real Keycloak is shared.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from deploy.demo import wait_for_mail
from provisioning.adapters.postgres.schema import migrate
from provisioning.domain.account_states import AccountState, Step, Trouble
from provisioning.domain.actors import Actor
from provisioning.domain.keeping import Act
from provisioning.domain.mail import MailKind, MailState
from provisioning.domain.password_reset import ResetStep
from provisioning.form.catalogue import all_versions, current_form
from provisioning.form.check import Checker
from provisioning.ports.services import Services
from provisioning.settings import Settings
from provisioning.use_cases.account.keep_account import Kept, keep
from provisioning.use_cases.account.misdirected import correct_address, resend
from provisioning.use_cases.account.request_new_password import request_new_password
from provisioning.use_cases.account.suspend import suspend
from provisioning.use_cases.application.decide import approve
from provisioning.use_cases.application.register_paper import register_paper
from provisioning.use_cases.messages.mail_out import due_mails, send_mail
from provisioning.wiring import wire
from tests.support.fakes import FixedClock
from tests.support.free_ports import free_ports
from tests.support.world import World, eventually, mail_text, paper_body

POINTS = ("before_call", "after_call", "before_commit", "after_commit")
SEAMS = [f"{act}.{point}" for act in (Act.MAKE_USER, Act.MAIL_ACTIVATION) for point in POINTS]
CLERK = Actor("clerk", frozenset({"bok-clerk"}))
REGISTRAR = Actor("registrar", frozenset({"bok-registrar"}))


class Place:
    """Settings, an Office and a mailbox for one module."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        name = f"faults_{secrets.token_hex(4)}"
        superuser = (world.state / "db.superuser").read_text().strip()
        host = world.secrets["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
        with psycopg.connect(f"postgresql://postgres:{superuser}@{host}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER ibok_provisioning")
        self.http, self.smtp = free_ports(2)
        self.mailbox = f"http://localhost:{self.http}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "IBOK_DATABASE_URL": world.secrets["IBOK_DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}",
            "IBOK_KEYCLOAK_URL": world.keycloak,
            "IBOK_WEBAPP_URL": world.webapp,
            "IBOK_PROVISIONING_URL": world.provisioning,
            "IBOK_PROVISIONING_CLIENT_SECRET": world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"],
            "IBOK_TEMPORARY_PASSWORD_KEY": world.secrets["IBOK_TEMPORARY_PASSWORD_KEY"],
            "IBOK_LINK_KEY": world.secrets["IBOK_LINK_KEY"],
            "IBOK_PERSONAL_DATA_KEY": world.secrets["IBOK_PERSONAL_DATA_KEY"],
            "IBOK_SMTP_URL": f"smtp://127.0.0.1:{self.smtp}",
        }
        values = {key.removeprefix("IBOK_").lower(): value for key, value in self.environment.items() if key.startswith("IBOK_")}
        self.settings = Settings(**values, staff_second_factor=False)
        self.wired = wire(self.settings)
        migrate(self.wired.engine)

    @property
    def services(self) -> Services:
        return self.wired.services

    def approved(self) -> dict[str, str]:
        """An approved application whose job waits in the queue."""
        today = self.services.clock.today()
        checker = Checker(all_versions(), current_form(today), self.services.rules, today)
        body = paper_body()
        application = register_paper(self.services, CLERK, checker.paper(body))
        approve(self.services, REGISTRAR, application.reference, application.version, "bez skanu")
        return {"reference": application.reference, "email": body["email"]}

    def account(self, reference: str) -> Any:
        with self.services.work() as work:
            return work.accounts.by_reference(reference)

    def keep(self, found: dict[str, str], services: Services | None = None) -> Any:
        """One round of the keeper, in this process, whatever pause is running; the account afterwards."""
        login = self.account(found["reference"]).login
        self.now(login)
        keep(services or self.services, login)
        return self.account(found["reference"])

    def now(self, login: str) -> None:
        """The pauses of an account are over."""
        with self.services.work() as work:
            account = work.accounts.locked(login)
            account.look_now()
            account.mail_next_at = None
            work.accounts.save(account)

    def history(self, reference: str) -> list[str]:
        with self.services.work() as work:
            return [line.action for line in work.audit.of(reference)]

    def users(self, reference: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.admin(
            "GET", f"/users?q=ibok_application:{reference}&briefRepresentation=false"
        ).json()
        return [user for user in found if user["username"] == self.account(reference).login]

    def mails(self, address: str, subject: str = "konto jest gotowe") -> list[dict[str, Any]]:
        messages = requests.get(f"{self.mailbox}/api/v1/messages", timeout=10).json()["messages"]
        return [m for m in messages if m["To"][0]["Address"] == address and subject in m["Subject"]]

    def raw(self, mail: dict[str, Any]) -> bytes:
        return requests.get(f"{self.mailbox}/api/v1/message/{mail['ID']}/raw", timeout=10).content

    def behave(self, mode: str, stage: str = "data") -> None:
        assert requests.put(f"{self.mailbox}/api/v1/behaviour", json={"mode": mode, "stage": stage}, timeout=10).ok

    @contextmanager
    def worker(self, seam: str = "", marker: Path | None = None, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
        log = (self.folder / "worker.log").open("ab")
        command = [sys.executable, "-m", "tests.faults.seamed_worker", seam, str(marker or self.folder / "never")]
        process = subprocess.Popen(
            command, env=self.environment | changes, stdout=log, stderr=log, cwd=self.environment["PYTHONPATH"]
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)

    def holds_invariant(self, found: dict[str, str]) -> None:
        """One user, one login, at least one mail whose password works, one audit line a step, no nonce left."""
        account = eventually(lambda: (a := self.account(found["reference"])).step is Step.DONE and a, 60)
        assert account.nonce is None
        assert len(self.users(found["reference"])) == 1
        assert len(self.mails(found["email"])) >= 1
        history = self.history(found["reference"])
        for once in ("application.approved", "account.created", "mail.accepted"):
            assert history.count(once) == (1 if once != "mail.accepted" else history.count(once)) >= 1, history
        passwords = set()
        for each in self.mails(found["email"]):
            raw = requests.get(f"{self.mailbox}/api/v1/message/{each['ID']}/raw", timeout=10).text
            passwords.add(raw.split("Has=C5=82o tymczasowe: ")[1].split()[0].strip())
        assert len(passwords) == 1  # a repeated mail is the same mail
        page = self.world.visitor().log_in(f"{self.world.webapp}/konto", account.login, passwords.pop())
        assert "password-new" in page.text


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    here = Place(world, tmp_path_factory.mktemp("faults"))
    command = [sys.executable, "-m", "ibok_idp.local.mailbox", str(here.http), str(here.smtp), str(here.folder / "mailbox")]
    mailbox = subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": here.environment["PYTHONPATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def up() -> bool:
        try:
            return requests.get(f"{here.mailbox}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    try:
        eventually(up)
        yield here
    finally:
        mailbox.terminate()
        mailbox.wait(10)
        here.wired.engine.dispose()


@pytest.mark.parametrize("seam", SEAMS)
def test_k01_killed_at_a_seam_the_invariant_holds(place: Place, seam: str, tmp_path: Path) -> None:
    place.behave("accept")
    found = place.approved()
    marker = tmp_path / "died"
    with place.worker(seam, marker) as worker:
        worker.wait(60)
    assert worker.returncode == -signal.SIGKILL
    assert marker.exists()
    with place.worker():
        place.holds_invariant(found)


def test_k01_killed_before_the_decision_is_committed_nothing_has_happened(place: Place) -> None:
    today = place.services.clock.today()
    checker = Checker(all_versions(), current_form(today), place.services.rules, today)
    application = register_paper(place.services, CLERK, checker.paper(paper_body()))

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == "approve.before_commit":
            raise Died

    with pytest.raises(Died):
        approve(replace(place.services, seam=die), REGISTRAR, application.reference, application.version, "bez skanu")
    assert place.account(application.reference) is None
    assert "application.approved" not in place.history(application.reference)
    with place.wired.engine.connect() as connection:
        from sqlalchemy import text

        jobs = connection.execute(text("SELECT count(*) FROM accounts WHERE reference = :r"), {"r": application.reference})
        assert jobs.scalar_one() == 0


def test_k06_two_workers_on_one_job_have_one_effect(place: Place) -> None:
    place.behave("accept")
    found = [place.approved() for _ in range(4)]
    with place.worker(), place.worker():
        for each in found:
            place.holds_invariant(each)
            assert len(place.mails(each["email"])) == 1


def test_k06_while_another_holds_the_account_a_second_one_waits(place: Place) -> None:
    found = place.approved()
    login = place.account(found["reference"]).login
    with place.services.only_one(f"account:{login}") as alone:
        assert alone
        assert keep(place.services, login, patience=0) is Kept.BUSY
    assert place.account(found["reference"]).step is Step.LOGIN_RESERVED
    assert keep(place.services, login) is Kept.SETTLED
    assert place.account(found["reference"]).step is Step.DONE
    assert keep(place.services, login) is Kept.SETTLED
    assert len(place.mails(found["email"])) == 1


def test_k02_keycloak_away_is_waited_out_with_growing_pauses_and_shown_in_words(place: Place) -> None:
    place.behave("accept")
    away = wire(place.settings.model_copy(update={"keycloak_url": "http://localhost:1"})).services
    found = place.approved()
    login = place.account(found["reference"]).login
    pauses = []
    for _ in range(4):
        before = place.services.clock.now()
        assert keep(away, login) is Kept.KEYCLOAK_AWAY
        pauses.append(round((place.account(found["reference"]).next_attempt_at - before).total_seconds(), -1))
    assert pauses == [0, 10, 20, 40] or pauses == [10, 10, 20, 40]
    account = place.account(found["reference"])
    assert (account.trouble, account.state) == (Trouble.KEYCLOAK_UNAVAILABLE, AccountState.AWAITING_FIRST_LOGIN)
    assert account.next_attempt_at is not None
    assert place.history(found["reference"]).count("account.waits") == 1
    with place.services.work() as work:
        late = work.accounts.waiting_too_long(place.services.clock.now() + timedelta(seconds=1))
        assert found["reference"] in {each.reference for each in late}  # the alarm finds it
    account = place.keep(found)
    assert (account.step, account.trouble, account.next_attempt_at) == (Step.DONE, None, None)


def test_keycloak_that_refuses_the_service_is_shown_and_goes_on_once_mended(place: Place) -> None:
    refused = wire(
        place.settings.model_copy(update={"provisioning_client_secret": type(place.settings.smtp_url)("wrong")})
    ).services
    found = place.approved()
    assert place.keep(found, refused).trouble is Trouble.KEYCLOAK_REFUSED
    assert place.keep(found).trouble is None


def test_a_login_that_belongs_to_another_is_an_alarm_and_never_overwritten(place: Place) -> None:
    found = place.approved()
    login = place.account(found["reference"]).login
    body = {"username": login, "enabled": True, "groups": ["/customers"], "attributes": {"ibok_application": ["2020-000001-1"]}}
    assert place.world.admin("POST", "/users", json=body).status_code == 201
    account = place.keep(found)
    assert (account.trouble, account.next_attempt_at, account.user_id) == (Trouble.LOGIN_BELONGS_TO_ANOTHER, None, None)
    user = place.world.admin("GET", f"/users?exact=true&username={login}&briefRepresentation=false").json()[0]
    assert user["attributes"]["ibok_application"] == ["2020-000001-1"]


def test_k04_smtp_4xx_is_retried_and_5xx_goes_to_staff_with_the_address(place: Place) -> None:
    found = place.approved()
    place.behave("reject_4xx")
    account = place.keep(found)
    assert (account.step, account.trouble) == (Step.USER_CREATED, Trouble.MAIL_DEFERRED)
    assert account.nonce is not None
    place.behave("reject_5xx", "rcpt")
    account = place.keep(found)
    assert (account.trouble, account.nonce) == (Trouble.MAIL_REFUSED, None)
    with place.services.work() as work:
        mail = next(m for m in work.mails.of(found["reference"]) if m.kind is MailKind.ACTIVATED)
    assert mail.answer.startswith("550")
    place.behave("accept")
    correct_address(place.services, REGISTRAR, account.login, found["email"], "potwierdzony przez telefon")
    resend(place.services, REGISTRAR, account.login)
    place.keep(found)
    place.holds_invariant(found)


def test_k03_cut_off_after_data_the_same_mail_goes_again(place: Place) -> None:
    found = place.approved()
    place.behave("drop_after_data")
    assert place.keep(found).trouble is Trouble.MAIL_DEFERRED
    place.behave("accept")
    assert place.keep(found).trouble is None
    assert len(place.mails(found["email"])) == 2
    assert len({each["MessageID"] for each in place.mails(found["email"])}) == 1
    place.holds_invariant(found)


def test_k05_a_worker_comes_back_by_itself_after_its_connections_were_cut(place: Place) -> None:
    place.behave("accept")
    superuser = (place.world.state / "db.superuser").read_text().strip()
    host = place.environment["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
    name = place.environment["IBOK_DATABASE_URL"].rsplit("/", 1)[1]
    with place.worker():
        place.holds_invariant(place.approved())
        with psycopg.connect(f"postgresql://postgres:{superuser}@{host}/postgres", autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", (name,)
            )
        time.sleep(0.5)
        place.wired.engine.dispose()
        place.holds_invariant(place.approved())


def test_k05_without_its_database_the_web_process_answers_503_and_says_when(place: Place) -> None:
    from provisioning.web import create_app

    settings = place.settings.model_copy(update={"session_key": type(place.settings.smtp_url)("s" * 40)})
    app = create_app(settings)
    cut = wire(settings.model_copy(update={"database_url": type(place.settings.smtp_url)("postgresql://x:y@127.0.0.1:1/none")}))
    app.extensions["ibok_wired"] = cut
    answer = app.test_client().get("/api/v1/form", headers={"Authorization": f"Bearer {place.world.service_token()}"})
    assert answer.status_code == 200  # needs no database
    headers = {"Authorization": f"Bearer {place.world.staff_token('clerk')}"}
    answer = app.test_client().get("/api/v1/staff/applications", headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.get_json()["code"] == "database_unavailable"


def test_other_mails_wait_out_a_mail_server_too(place: Place) -> None:
    place.behave("reject_4xx")
    found = place.approved()
    with place.services.work() as work:
        mail = next(m for m in work.mails.of(found["reference"]) if m.kind is MailKind.RECEIVED)
    assert send_mail(place.services, mail.message_id) is MailState.DEFERRED
    assert send_mail(place.services, mail.message_id) is MailState.DEFERRED  # not before its time
    place.behave("accept")
    later = replace(place.services, clock=later_clock(place, timedelta(seconds=6)))
    assert due_mails(later) >= 1
    assert send_mail(place.services, mail.message_id) is MailState.ACCEPTED
    wait_for_mail(place.mailbox, found["email"], "przyjęliśmy")


def later_clock(place: Place, by: timedelta) -> FixedClock:
    return FixedClock(place.services.clock.now() + by)


def test_a_mail_goes_to_the_corrected_address_and_never_to_the_wrong_one(place: Place) -> None:
    place.behave("accept")
    corrected = f"corrected-{secrets.token_hex(4)}@example.com"
    found = place.approved()
    with place.services.work() as work:
        application = work.applications.get(found["reference"], for_change=True)
        application.data = {**application.data, "email": corrected}
        work.applications.save(application)
        mail = next(m for m in work.mails.of(found["reference"]) if m.kind is MailKind.RECEIVED)
    assert send_mail(place.services, mail.message_id) is MailState.ACCEPTED
    wait_for_mail(place.mailbox, corrected, "przyjęliśmy")
    assert place.mails(found["email"], "przyjęliśmy") == []


RESET_SEAMS = [f"{act}.{point}" for act in (Act.SET_TEMPORARY_PASSWORD, Act.MAIL_RESET) for point in POINTS[:3]]


@pytest.mark.parametrize("seam", RESET_SEAMS)
def test_k01_s7_killed_at_a_seam_of_the_reset_every_mailed_password_works(place: Place, seam: str, tmp_path: Path) -> None:
    """At least one mail, one password in all of them, it works, and no nonce is left once the mail was taken."""
    place.behave("accept")
    found = place.approved()
    account = place.keep(found)
    request_new_password(place.services, account.login)
    marker = tmp_path / "died"
    with place.worker(seam, marker) as worker:
        worker.wait(60)
    assert worker.returncode == -signal.SIGKILL
    with place.worker():
        reset = eventually(lambda: (r := newest_reset(place, account.login)).step is ResetStep.DONE and r, 60)
    assert reset.nonce is None
    mails = place.mails(found["email"], "nowe hasło")
    assert mails
    passwords = {
        re.search(r"(?m)^Hasło tymczasowe: (\S+)$", mail_text(place.raw(mail)))[1]
        for mail in mails  # type: ignore[index]
    }
    assert len(passwords) == 1
    page = place.world.visitor().log_in(f"{place.world.webapp}/konto", account.login, passwords.pop())
    assert "password-new" in page.text


def newest_reset(place: Place, login: str) -> Any:
    with place.services.work() as work:
        return work.resets.newest_of(login)


@pytest.mark.parametrize("seam", [f"{Act.CHANGE_USER}.before_call", f"{Act.CHANGE_USER}.after_call"])
def test_k01_s8_killed_while_a_suspension_is_carried_out_it_is_carried_out_later(place: Place, seam: str, tmp_path: Path) -> None:
    place.behave("accept")
    found = place.approved()
    login = place.keep(found).login
    suspend(place.services, REGISTRAR, login, "próba", secret=True)
    with place.worker(seam, tmp_path / "died") as worker:
        worker.wait(60)
    assert place.account(found["reference"]).keycloak_pending
    with place.worker():
        eventually(lambda: not place.account(found["reference"]).keycloak_pending, 60)
    assert [user["enabled"] for user in place.users(found["reference"])] == [False]


def test_s8_keycloak_away_a_decision_stands_and_is_carried_out_with_growing_pauses(place: Place) -> None:
    away = wire(place.settings.model_copy(update={"keycloak_url": "http://localhost:1"})).services
    found = place.approved()
    login = place.keep(found).login
    suspend(place.services, REGISTRAR, login, "próba", secret=True)
    assert keep(away, login) is Kept.KEYCLOAK_AWAY
    account = place.account(found["reference"])
    assert (account.state, account.trouble, account.keycloak_pending) == (
        AccountState.SUSPENDED,
        Trouble.KEYCLOAK_UNAVAILABLE,
        True,
    )
    account = place.keep(found)
    assert (account.trouble, account.keycloak_pending) == (None, False)


def test_k04_s7_the_mail_server_refuses_a_reset_mail_and_staff_see_it(place: Place) -> None:
    found = place.approved()
    place.behave("accept")
    login = place.keep(found).login
    reset = request_new_password(place.services, login)
    assert reset is not None
    place.behave("reject_4xx")
    assert place.keep(found).trouble is Trouble.MAIL_DEFERRED
    place.behave("reject_5xx", "rcpt")
    assert place.keep(found).trouble is Trouble.MAIL_REFUSED
    place.behave("accept")
    done = newest_reset(place, login)
    assert (done.step, done.nonce) == (ResetStep.VOID, None)
    with place.services.work() as work:
        (mail,) = [each for each in work.mails.of(found["reference"]) if each.kind is MailKind.NEW_PASSWORD]
    assert mail.state == "refused"
    assert "550" in mail.answer
    assert "mail.refused" in place.history(found["reference"])
