"""`make cluster`: two of everything behind nginx with TLS, rolled and killed under load; counts what failed.

Carries out docs/how-to/install.md and roll.md on this machine, lets people work (logins, account pages, forms, the staff queue)
and meanwhile rolls every process as roll.md says, kills a Keycloak node, and takes Valkey away. Figures go to
deploy/results/cluster.md. Exit 1: a request failed or a session was lost while something was rolled.
"""

from __future__ import annotations

import re
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from rich.console import Console

from deploy.demo import applicant, approve, file_application, wait_for_mail
from deploy.this_machine.machine import PROJECT, Machine, missing, release_folder, started_machine
from deploy.this_machine.people import make_employee
from deploy.visitor import Visitor

HOWTO = PROJECT / "docs" / "how-to"
RESULTS = PROJECT / "deploy" / "results" / "cluster.md"
_DRAIN_SECONDS = 5
_LEAST_SECONDS = 10  # of load, also around what is quickly done
_console = Console()


@dataclass(frozen=True)
class Request:
    """One thing somebody did: when (monotonic seconds), what, and why it failed ("" when it did not)."""

    at: float
    kind: str
    failed: str


class Load:
    """People at work, each in a thread of their own, from `begin` to `end`."""

    def __init__(self) -> None:
        self._done: list[Request] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, kind: str, pause: float, act: Callable[[], None]) -> None:
        """Do `act` again and again with a pause (seconds) between; whatever it raises is a failure."""

        def work() -> None:
            while not self._over.is_set():
                began, failed = time.monotonic(), ""
                try:
                    act()
                except Exception as error:  # every one is counted and told
                    failed = f"{type(error).__name__}: {error}"[:200]
                self._done.append(Request(began, kind, failed))
                self._over.wait(pause)

        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def since(self, moment: float) -> list[Request]:
        return [each for each in list(self._done) if each.at >= moment]

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(90)


@dataclass
class Phase:
    """What happened while one thing was done."""

    what: str
    seconds: float
    requests: list[Request] = field(repr=False)

    @property
    def failed(self) -> list[Request]:
        return [each for each in self.requests if each.failed]

    @property
    def recovery(self) -> float:
        """Seconds from the first failure to the last."""
        moments = [each.at for each in self.failed]
        return max(moments) - min(moments) if moments else 0.0


class Failed(Exception):
    """A page that is not what it should be."""


def main() -> int:
    if absent := missing():
        _console.print(f"Not here, Debian: apt-get install {' '.join(absent)}")
        return 1
    folder = Path("/tmp") / f"ibok-cluster-{secrets.token_hex(3)}"  # noqa: S108  # short, for sockets; made anew and private below
    folder.mkdir(mode=0o755)
    with started_machine(folder, lambda words: _console.print(words, style="dim", highlight=False, markup=False)) as machine:
        installed = machine.carry_out(HOWTO / "install.md", release_folder(folder / "dist"))
        allow_many(machine)
        machine.carry_out(HOWTO / "roll.md", folder)
        load = Load()
        people_at_work(machine, load)
        with _ended(load):
            phases = [*rolled(machine, load), *taken_away(machine, load)]
    report(installed, phases)
    return 1 if any(each.failed for each in phases if each.what.startswith("rolled")) else 0


@contextmanager
def _ended(load: Load) -> Iterator[None]:
    try:
        yield
    finally:
        load.end()


def allow_many(machine: Machine) -> None:
    """All these people come from one address."""
    file = machine.root / "etc" / "ibok" / "webapp.env"
    more = ("FILINGS_PER_HOUR", "FILINGS_PER_HOUR_WITHOUT_SCRIPT", "PASSWORD_ASKS_PER_HOUR", "MAILS_PER_HOUR")
    file.write_text(file.read_text() + "".join(f"IBOK_{name}=100000\n" for name in more))
    machine.run("systemctl restart ibok-webapp@8000", machine.folder)


# -- people --------------------------------------------------------------------------------------


def people_at_work(machine: Machine, load: Load) -> None:
    """The main job once for each customer; then everybody goes on working."""
    registrar = make_employee(machine, "bok-registrar")
    staff = _visitor("staff")
    registrar.log_in(staff, f"{machine.staff}/")
    for number in range(2):
        login, password, visitor = customer(machine, staff, number)
        load.begin("account page", 0.5, lambda visitor=visitor, login=login: account_page(machine, visitor, login))  # type: ignore[misc]
        load.begin("login", 2, lambda login=login, password=password: log_in(machine, login, password))  # type: ignore[misc]
    load.begin("staff queue", 0.7, lambda: queue(machine, staff))
    load.begin("form filed", 3, lambda: filed(machine))


def customer(machine: Machine, staff: Visitor, number: int) -> tuple[str, str, Visitor]:
    """Files an application, is approved, sets an own password."""
    address = f"{secrets.token_hex(4)}@example.com"
    visitor = _visitor(f"customer {number}")
    page = file_application(visitor, machine.portal, applicant(address))
    reference = _found(r"\d{4}-\d{6}-\d", page.text)
    link = _found(r"http\S+/wniosek/potwierdzenie/\S+", wait_for_mail(machine.mailbox, address, "potwierdź")["text"])
    visitor.send(visitor.open(link), {})
    approve(staff, f"{machine.staff}/wniosek/{reference}")
    mail = wait_for_mail(machine.mailbox, address, "konto jest gotowe")["text"]
    login, temporary = (_found(rf"(?m)^{name}: (\S+)$", mail) for name in ("Login", "Hasło tymczasowe"))
    own = f"Woda {secrets.token_hex(4)} Zdroj 7"
    page = visitor.log_in(f"{machine.portal}/konto", login, temporary)
    page = visitor.send(page, {"password-new": own, "password-confirm": own})
    _must(page.status == 200 and login in page.text, "the customer is in the portal")
    return login, own, visitor


def account_page(machine: Machine, visitor: Visitor, login: str) -> None:
    page = visitor.open(f"{machine.portal}/konto")
    _must(page.status == 200, f"account page: {page.status} {page.heading}")
    _must(page.url.startswith(machine.portal) and login in page.text, "the session is lost")


def log_in(machine: Machine, login: str, password: str) -> None:
    page = _visitor(secrets.token_hex(4)).log_in(f"{machine.portal}/konto", login, password)
    _must(page.status == 200 and page.url.startswith(machine.portal), f"login: {page.status} {page.heading}")


def queue(machine: Machine, staff: Visitor) -> None:
    page = staff.open(f"{machine.staff}/")
    _must(page.status == 200, f"queue: {page.status} {page.heading}")
    _must(page.url.startswith(machine.staff), "the session of the employee is lost")


def filed(machine: Machine) -> None:
    file_application(_visitor(secrets.token_hex(4)), machine.portal, applicant(f"{secrets.token_hex(4)}@example.com"))


def _visitor(name: str) -> Visitor:
    visitor = Visitor()
    visitor.session.headers["User-Agent"] = f"cluster {name}"  # by which nginx spreads visitors over Keycloak's nodes
    return visitor


# -- what is done meanwhile ----------------------------------------------------------------------


def rolled(machine: Machine, load: Load) -> Iterator[Phase]:
    """Every process once, as roll.md says."""
    web = [
        ("keycloak-1", "ibok-keycloak", "http://127.0.0.1:9000/health/ready"),
        ("keycloak-2", "ibok-keycloak-2", "http://127.0.0.1:9001/health/ready"),
        ("webapp-1", "ibok-webapp@8000", "http://127.0.0.1:8000/readyz"),
        ("webapp-2", "ibok-webapp@8010", "http://127.0.0.1:8010/readyz"),
        ("provisioning-1", "ibok-provisioning@8001", "http://127.0.0.1:8001/readyz"),
        ("provisioning-2", "ibok-provisioning@8011", "http://127.0.0.1:8011/readyz"),
    ]
    yield _phase("nothing, for comparison", load, lambda: time.sleep(_LEAST_SECONDS))
    for name, unit, ready in web:
        yield _phase(f"rolled {unit}", load, lambda name=name, unit=unit, ready=ready: _roll(machine, name, unit, ready))  # type: ignore[misc]
    for port in (8002, 8012, 8022):
        yield _phase(
            f"rolled ibok-worker@{port}",
            load,
            lambda port=port: machine.run(f"systemctl restart ibok-worker@{port}", machine.folder),  # type: ignore[misc]
        )


def _roll(machine: Machine, name: str, unit: str, ready: str) -> None:
    line = f"/etc/nginx/ibok-upstreams.d/{name}.conf"
    machine.run(f"sed -i 's/;$/ down;/' {line}\nsystemctl reload nginx", machine.folder)
    time.sleep(_DRAIN_SECONDS)
    machine.run(f"systemctl restart {unit}", machine.folder)
    machine.run(f"until curl --silent --fail --output /dev/null {ready}; do sleep 1; done", machine.folder)
    machine.run(f"sed -i 's/ down;/;/' {line}\nsystemctl reload nginx", machine.folder)


def taken_away(machine: Machine, load: Load) -> Iterator[Phase]:
    """A Keycloak node is killed; Valkey goes."""
    yield _phase("killed a Keycloak node", load, lambda: machine.units.stop("ibok-keycloak", signal.SIGKILL), least=30)
    machine.run("systemctl start ibok-keycloak", machine.folder)
    machine.run(
        "until curl --silent --fail --output /dev/null http://127.0.0.1:9000/health/ready; do sleep 1; done", machine.folder
    )
    machine.parts["valkey"].kill()
    yield _phase("Valkey away", load, lambda: _asks_for_a_password(machine))
    machine.start_valkey()


def _asks_for_a_password(machine: Machine) -> None:
    answer = requests.get(f"{machine.portal}/haslo", timeout=30)
    _must(answer.status_code == 200 and "Coś poszło nie tak" not in answer.text, "/haslo answers while Valkey is away")


def _phase(what: str, load: Load, do: Callable[[], object], least: float = _LEAST_SECONDS) -> Phase:
    """Do something under load; what was begun until a moment later counts."""
    began = time.monotonic()
    do()
    seconds = time.monotonic() - began
    time.sleep(max(3.0, least - seconds))
    phase = Phase(what, seconds, load.since(began))
    _console.print(f"{what}: {seconds:.0f} s, {len(phase.requests)} requests, {len(phase.failed)} failed", highlight=False)
    for each, times in Counter((one.kind, one.failed) for one in phase.failed).most_common(5):
        _console.print(f"    {times} x {each[0]}: {each[1]}", highlight=False, markup=False)
    return phase


# -- figures -------------------------------------------------------------------------------------


def report(installed: float, phases: list[Phase]) -> None:
    """Write the table."""
    lines = [
        "# Two of everything on one machine",
        "",
        f"`make cluster`, {time.strftime('%Y-%m-%d %H:%M')}. Installed in {installed / 60:.1f} minutes.",
        "",
        "| what was done | seconds | requests meanwhile | failed | from the first failure to the last |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {each.what} | {each.seconds:.0f} | {len(each.requests)} | {len(each.failed)} | {each.recovery:.1f} s |"
        for each in phases
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n")
    _console.print(f"Written to {RESULTS.relative_to(PROJECT)}.")


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise Failed(f"nothing like {pattern}")
    return match[1] if match.groups() else match[0]


def _must(condition: bool, words: str) -> None:
    if not condition:
        raise Failed(words)


if __name__ == "__main__":
    sys.exit(main())
