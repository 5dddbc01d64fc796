"""`make up`: the whole product on one machine, started in order, watched, and stopped together."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from ibok_idp.applications.file import load_applications
from ibok_idp.applications.secrets import Secrets
from ibok_idp.errors import LocalStackError
from ibok_idp.local import secrets as secrets_file
from ibok_idp.local.artifacts import cache_dir
from ibok_idp.local.environment import environment_of
from ibok_idp.local.java import java_version
from ibok_idp.local.keycloak import Keycloak, built_server, theme_folder
from ibok_idp.local.postgres import Postgres
from ibok_idp.local.processes import (
    Service,
    answers,
    end,
    end_leftovers,
    remember,
    require_free,
    spawn,
    wait_until_healthy,
    write_private,
)
from ibok_idp.look.assets import build_assets
from ibok_idp.look.company import load_utility
from ibok_idp.realm.desired import load
from ibok_idp.realm.joined import keep_secrets, with_applications, with_those_that_left
from ibok_idp.realm.server import RealmServer
from ibok_idp.settings import LocalSettings

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "examples" / "invoices"
_EXAMPLE_URL = "http://localhost:8003"  # as its applications.toml has it
_DEMO_STAFF = {"clerk": ["bok-clerk"], "registrar": ["bok-registrar"], "manager": ["bok-manager"], "auditor": ["bok-auditor"]}
_DEMO_NAMES = {"clerk": ("Ewa", "Nowak"), "registrar": ("Marek", "Lis"), "manager": ("Anna", "Wrona"), "auditor": ("Jan", "Sowa")}


class Stack:
    """The local stack of one state folder.

    Args:
        settings: ports and folders.
        say: where progress goes.
    """

    def __init__(
        self, settings: LocalSettings, console: Console | None = None, *, environment: dict[str, str] | None = None
    ) -> None:
        self.settings = settings
        self.state = settings.state_dir.resolve()
        self.logs = self.state / "logs"
        self.console = console or Console(quiet=True)
        self.extra_environment = environment or {}
        self.secrets: dict[str, str] = {}
        self.services: dict[str, Service] = {}
        self._stopping = threading.Event()
        self._lock: Any = None
        self.postgres: Postgres | None = None
        self.keycloak: Keycloak | None = None
        self.applications_file: Path | None = None
        self.keycloak_behind = 0  # the port Keycloak listens on when something stands before it, as in production

    # -- addresses -------------------------------------------------------------------------------

    @property
    def webapp_url(self) -> str:
        return f"http://localhost:{self.settings.webapp_port}"

    @property
    def provisioning_url(self) -> str:
        return f"http://localhost:{self.settings.provisioning_port}"

    @property
    def worker_url(self) -> str:
        return f"http://localhost:{self.settings.worker_port}"

    @property
    def keycloak_url(self) -> str:
        return f"http://localhost:{self.settings.keycloak_port}"

    @property
    def invoices_url(self) -> str:
        return f"http://localhost:{self.settings.invoices_port}"

    @property
    def mailbox_url(self) -> str:
        return f"http://localhost:{self.settings.mailbox_port}"

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring everything up, or nothing.

        Raises:
            LocalStackError: one sentence on what stands in the way and what to do.
        """
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True, mode=0o700)
        self._hold_folder()
        try:
            end_leftovers(self.state, self.console)
            self._require_free_ports()
            with self._step("Front-end assets"):
                build_assets(cache_dir())
            with self._step("Java runtime"):
                java_version()
            with self._step("Keycloak server (first time: download 177 MB, then half a minute to build)"):
                home = built_server(cache_dir())
            self._write_secrets()
            self._write_applications()
            with self._step("PostgreSQL"):
                self._start_postgres()
            with self._step("Mailbox"):
                self._start_service("mailbox", self._mailbox_command, lambda: answers(f"{self.mailbox_url}/healthz"))
            with self._step("Database schema"):
                self._run(["ibok-provisioning", "migrate"], "provisioning")
            with self._step("Keycloak"):
                self._start_keycloak(home)
            with self._step("Realm ibok"):
                self._apply_realm()
            for name, command in procfile().items():
                with self._step(name):
                    self._start_service(name, self._command(name, command), self._health_of(name))
            if self.settings.example:
                with self._step("invoices"):
                    self._start_service("invoices", self._invoices_command, lambda: answers(f"{self.invoices_url}/healthz"))
            self._write_stack_file()
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        """Start again what dies, and say so; returns when `stop` is called."""
        while not self._stopping.wait(0.5):
            for service in list(self.services.values()):
                if service.process is None or service.process.poll() is None:
                    continue
                code = service.process.returncode
                now = time.monotonic()
                service.restarts = [moment for moment in service.restarts if now - moment < 60] + [now]
                pause = min(30.0, 0.5 * 2 ** (len(service.restarts) - 1))
                self.console.print(
                    f"[yellow]{service.name} ended (exit code {code}); starting it again. Log: {self.logs / service.name}.log[/]"
                )
                if self._stopping.wait(pause):
                    return
                try:
                    service.process = service.start()
                except LocalStackError as error:  # what it needs may still be held by its killed children
                    self.console.print(f"[yellow]{error}[/]", soft_wrap=True)
                    continue
                self._remember_pids()
                self._write_stack_file()

    def stop(self) -> None:
        """Stop every process this stack started, and nothing else; without the folder's lock nothing here is ours."""
        self._stopping.set()
        if self._lock is None:
            return
        (self.state / "stack.json").unlink(missing_ok=True)
        for name in ("invoices", "webapp", "worker", "provisioning", "keycloak", "mailbox", "postgres"):
            service = self.services.get(name)
            if service is not None and service.process is not None:
                end(service.process, signal.SIGINT if name == "postgres" else signal.SIGTERM)
        (self.state / "pids.json").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None

    # -- steps -----------------------------------------------------------------------------------

    def _hold_folder(self) -> None:
        self._lock = (self.state / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            self._lock = None
            raise LocalStackError(
                f"Another `make up` is running in {self.state}: use that one, end it with Ctrl-C, "
                "or set IBOK_STATE_DIR and the ports for a second one."
            ) from error

    def _require_free_ports(self) -> None:
        s = self.settings
        ports = {
            "IBOK_WEBAPP_PORT": s.webapp_port,
            "IBOK_PROVISIONING_PORT": s.provisioning_port,
            "IBOK_WORKER_PORT": s.worker_port,
            "IBOK_KEYCLOAK_PORT": s.keycloak_port,
            "IBOK_KEYCLOAK_MANAGEMENT_PORT": s.keycloak_management_port,
            "IBOK_MAILBOX_PORT": s.mailbox_port,
            "IBOK_SMTP_PORT": s.smtp_port,
            "IBOK_POSTGRES_PORT": s.postgres_port,
            **({"IBOK_INVOICES_PORT": s.invoices_port} if s.example else {}),
        }
        require_free(ports)

    def _write_secrets(self) -> None:
        port = self.settings.postgres_port
        self.secrets = secrets_file.load_or_make(
            self.state / "secrets.env",
            {
                "IBOK_DATABASE_URL": f"postgresql://ibok_provisioning:{{IBOK_DATABASE_PASSWORD}}@127.0.0.1:{port}/ibok_provisioning",
                "IBOK_WEBAPP_DATABASE_URL": f"postgresql://ibok_webapp:{{IBOK_WEBAPP_DATABASE_PASSWORD}}@127.0.0.1:{port}/ibok_webapp",
            },
        )

    def _write_applications(self) -> None:
        """The example joins by its own file, with the port it has here."""
        self.applications_file = self.settings.applications_file
        if self.settings.example:
            text = (EXAMPLE / "applications.toml").read_text(encoding="utf-8").replace(_EXAMPLE_URL, self.invoices_url)
            self.applications_file = self.state / "applications.toml"
            write_private(self.applications_file, text)

    def _start_postgres(self) -> None:
        self.postgres = postgres = Postgres(self.state / "db", self.settings.postgres_port)
        log = self.logs / "postgres.log"

        def start() -> subprocess.Popen[bytes]:
            postgres.start(log)
            assert postgres.process is not None
            return postgres.process

        self.services["postgres"] = Service("postgres", start, lambda: True, start())
        self._remember_pids()
        postgres.ensure_database("ibok_provisioning", self.secrets["IBOK_DATABASE_PASSWORD"])
        postgres.ensure_database("ibok_webapp", self.secrets["IBOK_WEBAPP_DATABASE_PASSWORD"])
        postgres.ensure_database("ibok_keycloak", self.secrets["IBOK_KEYCLOAK_DATABASE_PASSWORD"])

    def _start_keycloak(self, home: Path) -> None:
        database = f"postgresql://ibok_keycloak:{self.secrets['IBOK_KEYCLOAK_DATABASE_PASSWORD']}@127.0.0.1:{self.settings.postgres_port}/ibok_keycloak"
        self.keycloak = keycloak = Keycloak(
            home,
            port=self.settings.keycloak_port,
            management_port=self.settings.keycloak_management_port,
            database_url=database,
            theme=theme_folder(),
            behind=self.keycloak_behind,
        )

        def start() -> subprocess.Popen[bytes]:
            keycloak.start(
                self.logs / "keycloak.log",
                admin_username=self.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"],
                admin_password=self.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"],
                portal_url=self.webapp_url,
            )
            assert keycloak.process is not None
            return keycloak.process

        self.services["keycloak"] = Service("keycloak", start, lambda: True, start())
        self._remember_pids()
        keycloak.wait_until_ready()

    def realm_server(self) -> RealmServer:
        return RealmServer(
            self.keycloak_url, self.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"], self.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"]
        )

    def desired_realm(self) -> dict[str, Any]:
        values = {**os.environ, "IBOK_WEBAPP_URL": self.webapp_url, "IBOK_PROVISIONING_URL": self.provisioning_url, **self.secrets}
        file = os.environ.get("IBOK_UTILITY_FILE")
        wanted = load(values, staff_second_factor=False, utility=load_utility(Path(file) if file else None))
        return with_applications(wanted, load_applications(self.applications_file), self.application_secrets)

    @property
    def application_secrets(self) -> Secrets:
        return Secrets(self.state / "applications", os.environ)

    def _apply_realm(self) -> None:
        server = self.realm_server()
        server.apply(with_those_that_left(self.desired_realm(), server))
        keep_secrets(server, load_applications(self.applications_file), self.application_secrets)
        for username, roles in _DEMO_STAFF.items():
            first, last = _DEMO_NAMES[username]
            server.ensure_demo_user(username, self.secrets[f"IBOK_DEMO_{username.upper()}_PASSWORD"], first, last, roles)

    def environment_of(self, name: str) -> dict[str, str]:
        """The environment of one process: addresses for all, secrets only its own."""
        addresses = {
            "IBOK_KEYCLOAK_URL": self.keycloak_url,
            "IBOK_WEBAPP_URL": self.webapp_url,
            "IBOK_PROVISIONING_URL": self.provisioning_url,
            "IBOK_WEBAPP_PORT": str(self.settings.webapp_port),
            "IBOK_PROVISIONING_PORT": str(self.settings.provisioning_port),
            "IBOK_WORKER_PORT": str(self.settings.worker_port),
            "IBOK_SMTP_URL": f"smtp://127.0.0.1:{self.settings.smtp_port}",
        }
        if self.applications_file:
            addresses["IBOK_APPLICATIONS_FILE"] = str(self.applications_file)
        return environment_of(name, addresses, self.secrets, self.state / "applications") | self.extra_environment

    def _command(self, name: str, command: str) -> Callable[[], subprocess.Popen[bytes]]:
        return lambda: self._spawn(shlex.split(command), name, self.environment_of(name))

    def _invoices_command(self) -> subprocess.Popen[bytes]:
        secret = self.state / "applications" / "app-faktury"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "INVOICES_URL": self.invoices_url,
            "INVOICES_ISSUER": f"{self.keycloak_url}/realms/ibok",
            "INVOICES_CLIENT_ID": "app-faktury",
            "INVOICES_CLIENT_SECRET_FILE": f"{secret}.client-secret",
            "INVOICES_WEBHOOK_SECRETS_FILE": f"{secret}.webhook-secrets",
            "INVOICES_DATABASE": str(self.state / "invoices.sqlite"),
        }
        command = ["gunicorn", "--chdir", str(EXAMPLE), "--bind", f"127.0.0.1:{self.settings.invoices_port}"]
        command += ["--threads", "8", "--no-control-socket", "app:create_app()"]
        return self._spawn(command, "invoices", environment)

    def _mailbox_command(self) -> subprocess.Popen[bytes]:
        arguments = [str(self.settings.mailbox_port), str(self.settings.smtp_port), str(self.state / "mailbox")]
        environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "PYTHONPATH": str(PROJECT)}
        return self._spawn([sys.executable, "-m", "ibok_idp.local.mailbox", *arguments], "mailbox", environment)

    def _start_service(self, name: str, start: Callable[[], subprocess.Popen[bytes]], healthy: Callable[[], bool]) -> None:
        service = Service(name, start, healthy, start())
        self.services[name] = service
        self._remember_pids()
        wait_until_healthy(service, self.logs / f"{name}.log")

    def _health_of(self, name: str) -> Callable[[], bool]:
        url = {"webapp": self.webapp_url, "provisioning": self.provisioning_url, "worker": self.worker_url}[name]
        return lambda: answers(f"{url}/readyz")

    def _run(self, command: list[str], like: str) -> None:
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            env=self.environment_of(like),
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
        )
        if done.returncode:
            raise LocalStackError(f"`{' '.join(command)}` failed:\n{done.stderr[-2000:]}")

    def _remember_pids(self) -> None:
        remember(self.state, self.services.values())

    def _spawn(self, command: list[str], name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return spawn(command, self.logs / f"{name}.log", environment, PROJECT)

    def demo_logins(self) -> list[dict[str, Any]]:
        return [
            {"username": name, "password": self.secrets[f"IBOK_DEMO_{name.upper()}_PASSWORD"], "roles": roles}
            for name, roles in _DEMO_STAFF.items()
        ]

    def _write_stack_file(self) -> None:
        content = {
            "webapp": self.webapp_url,
            "provisioning": self.provisioning_url,
            "worker": self.worker_url,
            "keycloak": self.keycloak_url,
            "realm": "ibok",
            "mailbox": self.mailbox_url,
            "smtp": f"127.0.0.1:{self.settings.smtp_port}",
            **({"invoices": self.invoices_url} if self.settings.example else {}),
            "secrets_file": str(self.state / "secrets.env"),
            "pids": {name: service.process.pid for name, service in self.services.items() if service.process},
            "demo_logins": self.demo_logins(),
        }
        write_private(self.state / "stack.json", json.dumps(content, indent=2))

    @contextlib.contextmanager
    def _step(self, words: str) -> Iterator[None]:
        began = time.monotonic()
        with self.console.status(words):
            yield
        self.console.print(f"[green]✓[/] {words} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False, soft_wrap=True)


def procfile() -> dict[str, str]:
    """Name and command of each of our processes."""
    lines = (PROJECT / "Procfile").read_text().splitlines()
    return {name.strip(): command.strip() for name, _, command in (line.partition(":") for line in lines if line.strip())}
