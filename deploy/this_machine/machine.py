"""One machine that a how-to finds: PostgreSQL, Valkey, a mail server, nginx, and a root of its own in place of `/`."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from deploy.this_machine.certificate import own_certificate
from deploy.this_machine.nginx import on_own_ports
from deploy.this_machine.systemctl import Units
from ibok_idp.errors import IdpError
from ibok_idp.local.artifacts import KEYCLOAK, cache_dir, fetch
from ibok_idp.local.java import java_home
from ibok_idp.local.postgres import Postgres

PROJECT = Path(__file__).parents[2]
HOSTS = ("ibok.example.com", "bok.example.com", "logowanie.example.com")
# Ports as the how-tos have them; each gets a free one here.
_PORTS = (5432, 6379, 587, 8000, 8001, 8002, 8010, 8011, 8012, 8022, 8080, 8081, 9000, 9001)
NEEDED = {"nginx": "nginx-light", "openssl": "openssl", "unzip": "unzip", "curl": "curl"}


class CommandFailed(IdpError):
    """A command of a how-to ended otherwise than it should."""


def missing() -> list[str]:
    """Debian packages that a how-to needs here and that are not installed."""
    found = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    return found + ([] if _valkey() else ["redis-server"])


def _valkey() -> str | None:
    return shutil.which("valkey-server") or shutil.which("redis-server")


class Machine:
    """Carries out how-tos. Use `started_machine`.

    Args:
        folder: a short path that other users may enter.
        say: is told of each command.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder, self.say = folder, say
        self.root = folder / "root"
        self.ports = dict(zip((*_PORTS, *HOSTS, "mailbox"), free_ports(len(_PORTS) + 4), strict=True))
        self.portal, self.staff, self.login = (f"https://localhost:{self.ports[host]}" for host in HOSTS)
        self.mailbox = f"http://127.0.0.1:{self.ports['mailbox']}"
        self.authority = self.root / "etc" / "ibok" / "authority.pem"
        self._stand_ins = folder / "stand-ins"
        self._parts = ExitStack()
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.postgres = Postgres(folder / "db", self.ports[5432])
        self.environment = {
            "PATH": f"{self._stand_ins}:{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "JAVA_HOME": str(java_home()),
            "KC_CACHE_EMBEDDED_NETWORK_BIND_ADDRESS": "127.0.0.1",  # several nodes on one machine
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        }
        self._made(self.root / "run")
        (self.root / "run" / "ports.json").write_text(json.dumps({str(key): value for key, value in self.ports.items()}))
        self.units = Units(self.root, self.environment)

    # -- what is there before --------------------------------------------------------------------

    def start(self) -> None:
        """PostgreSQL, Valkey, a mail server, folders, a certificate, and stand-ins for what only a whole system has."""
        for name in ("etc/ibok", "etc/nginx/conf.d", "etc/nginx/tls", "etc/systemd/system", "opt", "var/log/nginx"):
            self._made(self.root / name)
        shutil.copy(own_certificate(self.root / "etc/nginx/tls", ["localhost"]), self.authority)
        self.postgres.start(self.folder / "postgres.log")
        self._parts.callback(self.postgres.stop)
        self.start_valkey()
        mailbox = [str(self.ports["mailbox"]), str(self.ports[587]), str(self.folder / "mailbox")]
        self._start("mailbox", [sys.executable, "-m", "ibok_idp.local.mailbox", *mailbox], {"PYTHONPATH": str(PROJECT)})
        _wait_for(f"{self.mailbox}/healthz")
        self._write_stand_ins()

    def stop(self) -> None:
        for unit in reversed(self.units.all()):
            self.units.stop(unit)
        self._parts.close()

    def start_valkey(self) -> None:
        """Start Valkey, also again after it was killed."""
        valkey = _valkey()
        assert valkey is not None
        options = ["--port", str(self.ports[6379]), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self._start("valkey", [valkey, *options], {})

    # -- how-tos ---------------------------------------------------------------------------------

    def carry_out(self, page: Path, working: Path, *, without: Callable[[str], bool] = lambda _: False) -> float:
        """Run every grey box of a how-to in the order of the page; return the seconds it took.

        Args:
            working: folder that the commands run in.
            without: tells boxes that are left out here.

        Raises:
            CommandFailed: with the end of what the commands said.
        """
        began = time.monotonic()
        for box in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            if not without(box):
                self.run(box, working)
        return time.monotonic() - began

    def run(self, commands: str, working: Path) -> str:
        """Run commands of a how-to here."""
        self.say(commands.strip())
        if commands.startswith("nginx -t"):
            self.lay_nginx()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(commands)],
            cwd=working,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if done.returncode:
            raise CommandFailed(f"{commands}\nended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def here(self, text: str) -> str:
        """The same with the folders, ports and hosts of this machine."""
        for host in HOSTS:
            text = text.replace(f"https://{host}", f"https://localhost:{self.ports[host]}")
        text = text.replace("smtp+starttls://mail.example.com:587", f"smtp://127.0.0.1:{self.ports[587]}")
        text = re.sub(r"(?<![\w./])/(etc|opt)(?=[/\s])", rf"{self.root}/\1", text)
        return self._own_ports(text)

    def lay_nginx(self) -> None:
        """The site's files with this machine's ports and folders; a unit to run it."""
        folder = self.root / "etc" / "nginx"
        for path in (folder / "ibok-upstreams.d").iterdir():
            path.write_text(self._own_ports(path.read_text()))
        main = on_own_ports(folder, {host: self.ports[host] for host in HOSTS}, logs=self.root / "var/log/nginx")
        program = shutil.which("nginx")
        unit = self.root / "etc/systemd/system/nginx.service"
        unit.write_text(f"[Service]\nExecStart=/opt/nginx -c {main}\n")
        if not (link := self.root / "opt/nginx").exists():
            link.symlink_to(str(program))

    # -- private ---------------------------------------------------------------------------------

    def _own_ports(self, text: str) -> str:
        return re.sub(r"\b\d{4}\b", lambda found: str(self.ports.get(int(found[0]), found[0])), text)

    def _made(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _start(self, name: str, command: list[str], more: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment | more, start_new_session=True
            )
        self._parts.callback(_end, process)
        self.parts[name] = process

    def _write_stand_ins(self) -> None:
        """`sudo -u postgres psql` reaches the embedded server; users and owners are left as they are; no systemd here."""
        from ibok_idp.local.postgres import _binaries

        self._made(self._stand_ins)
        password = (self.folder / "db.superuser").read_text().strip()
        postgres = f"PGHOST=127.0.0.1 PGPORT={self.ports[5432]} PGUSER=postgres PGPASSWORD={password}"
        systemctl = f'PYTHONPATH={PROJECT} exec {sys.executable} -m deploy.this_machine.systemctl {self.root} "$@"'
        nginx = f'exec {shutil.which("nginx")} -c {self.root}/etc/nginx/nginx.conf "$@"'
        scripts = {
            "sudo": f'shift 2; export {postgres}; program=$1; shift; exec {_binaries()}/$program "$@"',
            "useradd": "true",
            "chown": "true",
            "systemctl": f'if [ "$1" = daemon-reload ]; then exit 0; fi; {systemctl}',
            "nginx": nginx,
        }
        for name, body in scripts.items():
            path = self._stand_ins / name
            path.write_text(f"#!/bin/bash\n{body}\n")
            path.chmod(0o755)


@contextmanager
def started_machine(folder: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[Machine]:
    """A machine with what a how-to expects to find; everything stopped, and its folder gone, afterwards."""
    machine = Machine(folder, say)
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        machine.start()
        os.environ["REQUESTS_CA_BUNDLE"] = str(machine.authority)
        yield machine
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            os.environ.pop("REQUESTS_CA_BUNDLE", None)
        else:
            os.environ["REQUESTS_CA_BUNDLE"] = before


def release_folder(target: Path) -> Path:
    """What the how-to finds in dist/: the release, and Keycloak's zip."""
    from deploy.release import build_release

    build_release(target)
    link_keycloak(target)
    return target


def link_keycloak(target: Path) -> None:
    """Keycloak's zip under the name that it has at its project's."""
    (target / f"keycloak-{KEYCLOAK.version}.zip").symlink_to(fetch(KEYCLOAK, cache_dir()))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, outside the range that the system gives out by itself."""
    found: list[int] = []
    candidates = iter(range(20000 + os.getpid() % 5000, 32000))
    while len(found) < count:
        with socket.socket() as probe:
            port = next(candidates)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found


def _wait_for(url: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass  # not up yet: that is what this loop waits for
        if time.monotonic() > deadline:
            raise CommandFailed(f"{url} did not answer within {seconds:.0f} s")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
