"""What takes the place of systemctl where systemd does not run: starts what a unit says, as the unit says it.

`python -m deploy.this_machine.systemctl ROOT daemon-reload | enable --now UNIT… | start|stop|restart|reload|kill UNIT…`. It reads
`Environment`, `EnvironmentFile`, `ExecStartPre`, `ExecStart` and `TimeoutStopSec`; the hardening is judged elsewhere, by
systemd-analyze.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from dotenv import dotenv_values


class Units:
    """The units below a root that stands for `/`.

    Args:
        root: the folder; its paths are those of the unit files, and run/ports.json has a port of this machine for each of theirs.
        environment: what every process gets besides what its unit says.
    """

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root, self.environment = root, environment
        self._run = root / "run"
        self._ports: dict[str, int] = json.loads((self._run / "ports.json").read_text())

    def start(self, unit: str) -> None:
        """
        Raises:
            subprocess.CalledProcessError: its ExecStartPre refused.
        """
        if self.process(unit) is not None:
            return
        lines = self._lines(unit)
        environment = {**self.environment, **_assigned(lines)}
        for name in _values(lines, "EnvironmentFile"):
            path = self._place(name.removeprefix("-"))
            if path.is_file() or not name.startswith("-"):
                environment |= {key: value or "" for key, value in dotenv_values(path, interpolate=False).items()}
        with (self._run / f"{unit}.log").open("ab") as log:
            for command in _values(lines, "ExecStartPre"):
                subprocess.run(self._command(command), env=environment, stdout=log, stderr=log, check=True)
            (command,) = _values(lines, "ExecStart")
            process = subprocess.Popen(
                self._command(command), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._pid_file(unit).write_text(str(process.pid))

    def stop(self, unit: str, first: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM to the main process, as KillMode=mixed does, and SIGKILL to all of it when its time is over."""
        process = self.process(unit)
        if process is None:
            return
        (seconds,) = _values(self._lines(unit), "TimeoutStopSec") or ["90"]
        family = [process, *process.children(recursive=True)]
        if first == signal.SIGKILL:
            _kill(family)
        else:
            process.send_signal(first)
            _, alive = psutil.wait_procs([process], timeout=float(seconds))
            _kill([*alive, *(each for each in family if each.is_running())])
        self._pid_file(unit).unlink(missing_ok=True)

    def process(self, unit: str) -> psutil.Process | None:
        """Its main process, None when it does not run."""
        try:
            process = psutil.Process(int(self._pid_file(unit).read_text()))
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        return process if process.status() != psutil.STATUS_ZOMBIE else None

    def reload(self, unit: str) -> None:
        """SIGHUP; started when it does not run."""
        process = self.process(unit)
        if process is None:
            self.start(unit)
        else:
            process.send_signal(signal.SIGHUP)

    def all(self) -> list[str]:
        """Every unit that was started, the first one first."""
        return [path.stem for path in sorted(self._run.glob("*.pid"), key=lambda path: path.stat().st_mtime)]

    def log(self, unit: str) -> str:
        path = self._run / f"{unit}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _pid_file(self, unit: str) -> Path:
        return self._run / f"{unit}.pid"

    def _lines(self, unit: str) -> list[str]:
        name, _, instance = unit.partition("@")
        file = f"{name}@.service" if instance else f"{name}.service"
        folder = self.root / "etc" / "systemd" / "system"
        paths = [folder / file, *sorted((folder / f"{file}.d").glob("*.conf"))]
        text = "\n".join(path.read_text() for path in paths)
        text = re.sub(r"(?<==)\d{4}\b", lambda found: str(self._ports.get(found[0], found[0])), text)
        return text.replace("%i", instance).splitlines()

    def _place(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _command(self, line: str) -> list[str]:
        program, *arguments = shlex.split(line)
        return [str(self._place(program)), *arguments]


def _values(lines: list[str], name: str) -> list[str]:
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def _assigned(lines: list[str]) -> dict[str, str]:
    return dict(each.split("=", 1) for value in _values(lines, "Environment") for each in shlex.split(value))


def _kill(processes: list[psutil.Process]) -> None:
    for each in processes:
        if each.is_running():
            each.kill()
    psutil.wait_procs(processes, timeout=10)


def main(arguments: list[str]) -> int:
    root, verb, *units = arguments
    units = [re.sub(r"\.service$", "", each) for each in units if each != "--now"]
    at = Units(Path(root), dict(os.environ))
    for unit in units:
        match verb:
            case "enable" | "start":
                at.start(unit)
            case "stop":
                at.stop(unit)
            case "kill":
                at.stop(unit, signal.SIGKILL)
            case "restart":
                at.stop(unit)
                at.start(unit)
            case "reload":
                at.reload(unit)
                time.sleep(0.5)
            case _:
                sys.stderr.write(f"systemctl {verb} is not known here\n")
                return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
