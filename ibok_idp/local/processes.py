"""Processes of the local stack: begun apart from the terminal, known again after a crash, ended by pid."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
from rich.console import Console

from ibok_idp.errors import LocalStackError


@dataclass
class Service:
    """One watched process and how to start it again."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    healthy: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    restarts: list[float] = field(default_factory=list)


def spawn(command: list[str], log: Path, environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Begin a program of this installation, with this environment and no other; what it says is added to its log."""
    program = command[0] if Path(command[0]).is_absolute() else str(Path(sys.executable).parent / command[0])
    with log.open("ab") as output:
        return subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            cwd=folder,
        )


def wait_until_healthy(service: Service, log: Path, seconds: float = 60) -> None:
    """
    Raises:
        LocalStackError: it ended, or is not ready in time.
    """
    deadline = time.monotonic() + seconds
    while not service.healthy():
        assert service.process is not None
        if service.process.poll() is not None:
            raise LocalStackError(f"{service.name} ended at once. The end of its log {log}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise LocalStackError(f"{service.name} was not ready within {seconds:.0f} s; see {log}")
        time.sleep(0.1)


def remember(state: Path, services: Iterable[Service]) -> None:
    """Write down which processes are ours, for whoever starts after a crash."""
    pids = {}
    for service in services:
        if service.process is not None and service.process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                pids[service.name] = (service.process.pid, psutil.Process(service.process.pid).create_time())
    write_private(state / "pids.json", json.dumps(pids))


def end_leftovers(state: Path, console: Console) -> None:
    """Processes of an earlier run that was killed: ended only when they surely are the ones we started."""
    (state / "stack.json").unlink(missing_ok=True)
    known = state / "pids.json"
    if not known.is_file():
        return
    for name, (pid, created) in json.loads(known.read_text() or "{}").items():
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1:
                console.print(f"[yellow]{name} of an earlier run that was killed is still there (pid {pid}); ending it.[/]")
                process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
                process.wait(30)
        except psutil.NoSuchProcess:
            continue
        except psutil.TimeoutExpired:
            process.kill()
    known.unlink()


def require_free(ports: dict[str, int]) -> None:
    """
    Args:
        ports: by the setting that names each.

    Raises:
        LocalStackError: one is taken; by whom, and what to do.
    """
    for variable, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise LocalStackError(
                    f"Port {port} is in use by another program{_owner_of(port)}: end that program or set {variable} to a free port."
                ) from error


def answers(url: str) -> bool:
    """Whether something is there and well."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def end(process: subprocess.Popen[bytes], first: signal.Signals) -> None:
    """End one process: asked first, killed after 25 seconds."""
    if process.poll() is not None:
        return
    process.send_signal(first)
    try:
        process.wait(25)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _owner_of(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f" ({psutil.Process(connection.pid).name()}, pid {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
    return ""


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:] if log.exists() else ""


def write_private(path: Path, content: str) -> None:
    """Written whole or not at all, and readable by its owner alone."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(content)
    partial.replace(path)
