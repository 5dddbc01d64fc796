"""Where a campaign takes place: a whole stack of its own, or processes of its own beside a shared stack."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import requests
from rich.console import Console

from faults.proxy import Proxies
from ibok_idp.errors import LocalStackError
from ibok_idp.local.processes import answers
from ibok_idp.local.stack import Stack
from tests.support.free_ports import free_ports, local_settings
from tests.support.world import World

PROJECT = Path(__file__).parents[1]
_UTILITY = PROJECT / "ibok_idp" / "look" / "utility.toml"
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# A campaign asks far more often than a person; an account without a contract is closed and deleted by the next housekeeping.
_MANY = {
    "IBOK_PASSWORD_ASKS_PER_HOUR": "1000000",
    "IBOK_PASSWORD_ASKS_PER_HOUR_WITHOUT_SCRIPT": "1000000",
    "IBOK_RESETS_PER_HOUR": "1000",
    "IBOK_RESETS_PER_DAY": "1000",
    "IBOK_RESET_ALARM_PER_HOUR": "1000000",
}


class Ground(Stack):
    """A whole stack, with proxies before Keycloak, PostgreSQL and SMTP, a second worker, and an application that is told of
    accounts by webhooks.

    Keycloak's public address is itself a proxy, so that tokens and links name one issuer; the workers reach Keycloak by a
    proxy of their own.
    """

    ways: tuple[str, ...] = ("keycloak", "keycloak-worker", "database", "database-worker", "smtp", "imap")
    killable: tuple[str, ...] = ("worker", "worker-2", "provisioning", "webapp", "keycloak", "postgres", "invoices")
    stoppable: tuple[str, ...] = (*killable, "mailbox")

    def __init__(self, folder: Path, console: Console | None = None) -> None:
        settings = local_settings(folder).model_copy(update={"example": True})
        super().__init__(settings, console, environment=dict(_MANY))
        *ports, self.keycloak_behind = free_ports(len(self.ways) + 1)
        self.proxies = Proxies(dict(zip(self.ways, ports, strict=True)))
        self.clock_file = folder / "clock"
        self.restarts = 0
        self._ended = threading.Event()
        self._people: World | None = None

    # -- addresses past the proxies, for reading -------------------------------------------------

    @property
    def people(self) -> World:
        """Tokens, visitors and Keycloak's Admin API."""
        if self._people is None:
            self._people = World(self.state / "stack.json")
        return self._people

    @property
    def api(self) -> str:
        return f"{self.provisioning_url}/api/v1"

    @property
    def database_url(self) -> str:
        return self.secrets["IBOK_DATABASE_URL"]

    def superuser_url(self, database: str = "postgres") -> str:
        assert self.postgres is not None
        return self.postgres.superuser_url(database)

    @property
    def mails(self) -> Path:
        return self.state / "mailbox"

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.extra_environment["IBOK_UTILITY_FILE"] = str(_quick_utility(self.state / "utility.toml"))
        self.clock_file.write_text("+0")
        super().start()
        self._start_second_worker()
        self._write_stack_file()

    def watch(self) -> None:
        """Start again what dies, each by itself and without a growing pause; returns when `stop` is called."""
        keepers = [threading.Thread(target=self._keep, args=(name,), daemon=True) for name in self.services]
        for keeper in keepers:
            keeper.start()
        self._ended.wait()
        for keeper in keepers:
            keeper.join(40)

    def _keep(self, name: str) -> None:
        service = self.services[name]
        while not self._ended.wait(0.5):
            if service.process is None or service.process.poll() is None:
                continue
            self.restarts += 1
            try:
                service.process = service.start()
            except LocalStackError as error:  # PostgreSQL whose killed children are still there: again in a moment
                self.console.print(f"[yellow]{name}: {error}; trying again[/]", soft_wrap=True, highlight=False)

    def stop(self) -> None:
        self._ended.set()
        self.go_on()
        second = self.services.get("worker-2")
        if second is not None and second.process is not None and second.process.poll() is None:
            second.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                second.process.wait(25)
            second.process.kill()
        super().stop()
        self.proxies.stop()

    def healthy(self) -> list[str]:
        """The names of processes that do not answer; empty when everything is up."""
        checks: dict[str, Callable[[], bool]] = {
            "provisioning": lambda: requests.get(f"{self.provisioning_url}/readyz", timeout=5).ok,
            "webapp": lambda: requests.get(f"{self.webapp_url}/readyz", timeout=5).ok,
            "keycloak": lambda: requests.get(f"{self.people.keycloak}/realms/ibok", timeout=10).ok,
            "mailbox": lambda: requests.get(f"{self.mailbox_url}/healthz", timeout=5).ok,
        }
        found = []
        for name, check in checks.items():
            with contextlib.suppress(requests.RequestException):
                if check():
                    continue
            found.append(name)
        return found

    def processes(self, name: str) -> list[psutil.Process]:
        """The process of a name and its children, those alive."""
        service = self.services[name]
        if service.process is None or service.process.poll() is not None:
            return []
        try:
            parent = psutil.Process(service.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def go_on(self) -> None:
        """SIGCONT to everything: nothing may stay stopped."""
        for name in self.services:
            for process in self.processes(name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    # -- where the proxies stand -----------------------------------------------------------------

    def _start_postgres(self) -> None:
        super()._start_postgres()
        local = "127.0.0.1"
        upstream: dict[str, tuple[str, int] | None] = {
            "keycloak": (local, self.keycloak_behind),
            "keycloak-worker": (local, self.keycloak_behind),
            "database": (local, self.settings.postgres_port),
            "database-worker": (local, self.settings.postgres_port),
            "smtp": (local, self.settings.smtp_port),
            "imap": None,
        }
        self.proxies.ports["keycloak"] = self.settings.keycloak_port
        self.proxies.start(upstream)

    def _start_keycloak(self, home: Path) -> None:
        try:
            super()._start_keycloak(home)
        except LocalStackError:
            assert self.keycloak is not None
            self.keycloak.wait_until_ready(420)  # on a machine that is busy with something else

    def environment_of(self, name: str) -> dict[str, str]:
        ours = "worker" if name == "worker-2" else name
        environment = super().environment_of(ours)
        ports = self.proxies.ports
        way = "database-worker" if ours == "worker" else "database"
        for key in ("IBOK_DATABASE_URL", "IBOK_WEBAPP_DATABASE_URL"):
            if key in environment:
                environment[key] = _by_port(environment[key], ports[way])
        if ours == "worker":
            environment["IBOK_KEYCLOAK_URL"] = f"http://localhost:{ports['keycloak-worker']}"
            environment["IBOK_SMTP_URL"] = f"smtp://127.0.0.1:{ports['smtp']}"
            environment["IBOK_IMAP_URL"] = f"imap://ibok:{secrets.token_hex(8)}@127.0.0.1:{ports['imap']}/INBOX"
        if name == "worker-2":
            environment["IBOK_WORKER_PORT"] = "0"  # the first worker has the port
        if name == "worker-2" and self.clock_can_be_turned():
            environment |= {
                "LD_PRELOAD": str(_FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock_file),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        return environment

    @staticmethod
    def clock_can_be_turned() -> bool:
        """Whether libfaketime is here (Debian: `apt-get install libfaketime`)."""
        return _FAKETIME.is_file()

    def _start_second_worker(self) -> None:
        command = self._command("worker-2", "ibok-provisioning worker")
        log = self.logs / "worker-2.log"
        self._start_service("worker-2", command, lambda: log.exists() and b"worker.ready" in log.read_bytes())

    def command(self, *arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run one of our commands as provisioning would."""
        program, *rest = arguments
        return subprocess.run(
            [str(Path(sys.executable).parent / program), *rest],
            env=self.environment_of("provisioning"),
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
            timeout=seconds,
        )


class BesideSharedStack(Ground):
    """Processes, a mailbox and a database of its own on the PostgreSQL and Keycloak of a running stack.

    Nothing that another test uses is killed or stopped.
    """

    ways = ("keycloak-worker", "database", "database-worker", "smtp", "imap")
    killable = ("worker", "worker-2", "provisioning", "invoices")
    stoppable = (*killable, "mailbox")

    def __init__(self, folder: Path, world: World, console: Console | None = None) -> None:
        super().__init__(folder, console)
        self._people = world
        self._shared = world
        self.settings = self.settings.model_copy(
            update={
                "webapp_port": urlsplit(world.webapp).port,
                "keycloak_port": urlsplit(world.keycloak).port,
                "postgres_port": urlsplit(world.secrets["IBOK_DATABASE_URL"]).port,
            }
        )
        self._name = f"ibok_faults_{secrets.token_hex(4)}"

    def superuser_url(self, database: str = "postgres") -> str:
        return self._shared.superuser_url(database)

    def start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)
        self.extra_environment["IBOK_UTILITY_FILE"] = str(_quick_utility(self.state / "utility.toml"))
        self.clock_file.write_text("+0")
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self._name} OWNER ibok_provisioning")
        url = self._shared.secrets["IBOK_DATABASE_URL"].rsplit("/", 1)[0] + f"/{self._name}"
        self.secrets = {**self._shared.secrets, "IBOK_DATABASE_URL": url}
        local = "127.0.0.1"
        self.proxies.start(
            {
                "keycloak-worker": (local, self.settings.keycloak_port),
                "database": (local, self.settings.postgres_port),
                "database-worker": (local, self.settings.postgres_port),
                "smtp": (local, self.settings.smtp_port),
                "imap": None,
            }
        )
        _together(
            lambda: self._start_service("mailbox", self._mailbox_command, lambda: answers(f"{self.mailbox_url}/healthz")),
            lambda: self._run(["ibok-provisioning", "migrate"], "provisioning"),
        )
        self._write_applications()
        shutil.copytree(self._shared.state / "applications", self.state / "applications")  # the client is the shared realm's
        self._start_service("invoices", self._invoices_command, lambda: answers(f"{self.invoices_url}/healthz"))
        _together(
            lambda: self._start_one("provisioning", "ibok-provisioning serve"),
            lambda: self._start_one("worker", "ibok-provisioning worker"),
            self._start_second_worker,
        )

    def _start_one(self, name: str, command: str) -> None:
        self._start_service(name, self._command(name, command), self._health_of(name))

    def stop(self) -> None:
        self._ended.set()
        self.go_on()
        for name in ("worker-2", "worker", "provisioning", "mailbox", "invoices"):
            service = self.services.get(name)
            if service is not None and service.process is not None and service.process.poll() is None:
                service.process.terminate()
        for service in self.services.values():
            if service.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    service.process.wait(25)
                service.process.kill()
        self.proxies.stop()
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")

    def _remember_pids(self) -> None:
        """Nobody ends leftovers here: the processes live no longer than the test."""


def beside(folder: Path, console: Console | None = None) -> BesideSharedStack:
    """On the stack that `IBOK_TEST_STACK` names."""
    return BesideSharedStack(folder, World(Path(os.environ["IBOK_TEST_STACK"])), console)


def _together(*starts: Callable[[], object]) -> None:
    """Each in a thread of its own; the first error when all are over."""
    with ThreadPoolExecutor(len(starts)) as pool:
        for each in [pool.submit(start) for start in starts]:
            each.result()


def _by_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rsplit(':', 1)[0]}:{port}"))


def _quick_utility(target: Path) -> Path:
    shutil.copy(_UTILITY, target)
    text = target.read_text(encoding="utf-8")
    for name in ("contract_notice_days", "delete_after_days"):
        before, _, after = text.partition(f"\n{name} = ")
        text = f"{before}\n{name} = 0 #{after}"
    target.write_text(text, encoding="utf-8")
    return target


def wait_until_healthy(ground: Ground, seconds: float = 240) -> None:
    """
    Raises:
        LocalStackError: something is still down when the time is over.
    """
    deadline = time.monotonic() + seconds
    while sick := ground.healthy():
        if time.monotonic() > deadline:
            raise LocalStackError(f"does not come back by itself: {', '.join(sick)}; logs in {ground.logs}")
        time.sleep(0.5)


def machine_words() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load": json.loads(json.dumps(os.getloadavg())),
    }
