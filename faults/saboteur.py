"""Strikes at random, from a deck that the seed shuffles: kills, stops, cut networks, a mail server that refuses, a wrong clock."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import psycopg
import requests

from faults import reading
from faults.choices import Choices
from faults.ground import Ground
from faults.journal import Fault, Journal, now

_AT_ONCE = 3
# So many in a thousand; what a ground does not allow falls away and the rest takes its place.
_DECK: dict[tuple[str, str], int] = {
    ("kill", "worker"): 55,
    ("kill", "worker-2"): 40,
    ("kill", "provisioning"): 40,
    ("kill", "webapp"): 15,
    ("kill", "keycloak"): 12,
    ("kill", "postgres"): 16,
    ("kill_backend", "postgres"): 30,
    ("end_backend", "postgres"): 50,
    ("stop", "worker"): 40,
    ("stop", "worker-2"): 30,
    ("stop", "provisioning"): 25,
    ("stop", "webapp"): 8,
    ("stop", "keycloak"): 20,
    ("stop", "postgres"): 15,
    ("stop", "mailbox"): 10,
    ("kill", "invoices"): 20,
    ("stop", "invoices"): 15,
    ("delay", "keycloak"): 10,
    ("delay", "keycloak-worker"): 30,
    ("delay", "database"): 20,
    ("delay", "database-worker"): 30,
    ("delay", "smtp"): 20,
    ("cut", "keycloak"): 15,
    ("cut", "keycloak-worker"): 45,
    ("cut", "database"): 30,
    ("cut", "database-worker"): 45,
    ("cut", "smtp"): 35,
    ("refuse", "keycloak"): 8,
    ("refuse", "keycloak-worker"): 25,
    ("refuse", "database"): 15,
    ("refuse", "database-worker"): 20,
    ("refuse", "smtp"): 20,
    ("black_hole", "keycloak"): 8,
    ("black_hole", "keycloak-worker"): 15,
    ("black_hole", "database"): 12,
    ("black_hole", "database-worker"): 15,
    ("black_hole", "smtp"): 12,
    ("greeting_4xx", "smtp"): 15,
    ("greeting_5xx", "smtp"): 15,
    ("mail_4xx", "smtp"): 15,
    ("mail_5xx", "smtp"): 15,
    ("rcpt_4xx", "smtp"): 20,
    ("rcpt_5xx", "smtp"): 12,
    ("data_4xx", "smtp"): 20,
    ("data_5xx", "smtp"): 8,
    ("cut_after_data", "smtp"): 25,
    ("slow", "smtp"): 10,
    ("login_refused", "imap"): 15,
    ("hour_back", "worker-2"): 15,
    ("disk_full", "provisioning"): 6,
}
# These can hold a worker up between its last look and the mail server's answer.
_HOLDING = {"stop", "delay", "black_hole", "slow", "hour_back", "cut"}


@dataclass(frozen=True)
class Blow:
    """What will be struck."""

    number: int
    kind: str
    target: str
    seconds: float


class Saboteur:
    """Strikes `count` times within `seconds`."""

    def __init__(self, ground: Ground, journal: Journal, seed: str, count: int, longest: float) -> None:
        self._ground, self._journal = ground, journal
        self.blows = _deck(ground, seed, count, longest)
        self._targets: dict[str, threading.Lock] = {target: threading.Lock() for _, target in _DECK}
        self._at_once = threading.Semaphore(_AT_ONCE)
        self._stop = threading.Event()

    def run(self, seconds: float) -> None:
        """Strike at an even pace; every fault is over when this returns."""
        began, threads = time.monotonic(), []
        for blow in self.blows:
            wait = began + seconds * blow.number / len(self.blows) - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                break
            self._at_once.acquire()
            thread = threading.Thread(target=self._strike, args=(blow,), daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join(180)
        self.calm()

    def calm(self) -> None:
        """Everything off: proxies pass, the mailbox takes every mail, the clock is right, nobody stands still."""
        self._ground.proxies.pass_all()
        self._ground.clock_file.write_text("+0")
        self._ground.go_on()
        self._behave("accept")

    def _strike(self, blow: Blow) -> None:
        fault = Fault(blow.number, blow.kind, blow.target, now(), holds_up=blow.kind in _HOLDING or blow.target == "postgres")
        try:
            with self._targets[blow.target]:
                fault.began = now()
                self._journal.struck(fault)
                with self._kind(blow.kind)(blow, fault):
                    self._stop.wait(blow.seconds)
        except (psutil.NoSuchProcess, psycopg.Error, OSError, requests.RequestException) as error:
            fault.detail = f"missed: {type(error).__name__}"  # the target was down already
        finally:
            fault.ended = now()
            self._journal.written(fault)
            self._at_once.release()

    def _kind(self, kind: str) -> Callable[[Blow, Fault], contextlib.AbstractContextManager[None]]:
        if kind in ("delay", "cut", "refuse", "black_hole"):
            return self._network
        if kind.endswith(("_4xx", "_5xx")) or kind in ("cut_after_data", "slow"):
            return self._mail_server
        kinds: dict[str, Callable[[Blow, Fault], contextlib.AbstractContextManager[None]]] = {
            "kill": self._kill,
            "kill_backend": self._kill_backend,
            "end_backend": self._end_backend,
            "stop": self._stand_still,
            "login_refused": self._login_refused,
            "hour_back": self._hour_back,
            "disk_full": self._disk_full,
        }
        return kinds[kind]

    # -- processes -------------------------------------------------------------------------------

    @contextmanager
    def _kill(self, blow: Blow, fault: Fault) -> Iterator[None]:
        """SIGKILL to the process alone: PostgreSQL's children must notice by themselves."""
        found = self._ground.processes(blow.target)
        if not found:
            fault.detail = "missed: it was down already"
        else:
            found[0].send_signal(signal.SIGCONT)
            found[0].kill()
            fault.detail = f"pid {found[0].pid}"
        yield

    @contextmanager
    def _kill_backend(self, blow: Blow, fault: Fault) -> Iterator[None]:
        """One server process of PostgreSQL dies: the others are ended too, and it recovers from its log."""
        found = reading.backends(self._ground)
        if found:
            chosen = found[blow.number % len(found)]
            os.kill(chosen, signal.SIGKILL)
            fault.detail = f"pid {chosen}"
        yield

    @contextmanager
    def _end_backend(self, blow: Blow, fault: Fault) -> Iterator[None]:
        found = reading.backends(self._ground)
        for pid in found[blow.number % 3 :: 3]:
            reading.end_backend(self._ground, pid)
        fault.detail = f"every third of {len(found)}"
        yield

    @contextmanager
    def _stand_still(self, blow: Blow, fault: Fault) -> Iterator[None]:
        stopped = self._ground.processes(blow.target)
        for process in stopped:
            process.suspend()
        fault.detail = f"{blow.seconds:.0f} s"
        try:
            yield
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    @contextmanager
    def _hour_back(self, blow: Blow, fault: Fault) -> Iterator[None]:
        self._ground.clock_file.write_text("-3600")
        fault.detail = f"{blow.seconds:.0f} s"
        try:
            yield
        finally:
            self._ground.clock_file.write_text("+0")

    @contextmanager
    def _disk_full(self, blow: Blow, fault: Fault) -> Iterator[None]:
        """No file may grow beyond what the log needs, so a big upload cannot be laid down; tried once meanwhile."""
        import resource

        process = self._ground.processes(blow.target)[0]
        log = self._ground.logs / f"{blow.target}.log"
        before = process.rlimit(resource.RLIMIT_FSIZE)
        process.rlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 600_000, before[1]))
        fault.detail = f"{blow.seconds:.0f} s"
        try:
            yield
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.rlimit(resource.RLIMIT_FSIZE, before)

    # -- networks --------------------------------------------------------------------------------

    @contextmanager
    def _network(self, blow: Blow, fault: Fault) -> Iterator[None]:
        pause = 50 + blow.number * 37 % 400
        self._ground.proxies.change(blow.target, blow.kind, milliseconds=pause)
        fault.detail = f"{blow.seconds:.1f} s" + (f", {pause} ms" if blow.kind == "delay" else "")
        try:
            yield
        finally:
            if blow.kind == "black_hole" and blow.number % 2:  # what hung in the black hole is cut off, or arrives after all
                self._ground.proxies.change(blow.target, "refuse")
                time.sleep(0.2)
            self._ground.proxies.change(blow.target, "pass")

    @contextmanager
    def _mail_server(self, blow: Blow, fault: Fault) -> Iterator[None]:
        stage, _, answer = blow.kind.rpartition("_")
        fault.detail = f"{blow.seconds:.1f} s"
        try:
            if stage == "greeting":
                text = "421 4.3.2 Not now" if answer == "4xx" else "554 5.7.1 Your host is not served here"
                self._ground.proxies.change("smtp", "say", text=f"{text}\r\n")
            elif answer in ("4xx", "5xx"):
                self._behave(f"reject_{answer}", stage)
            else:
                self._behave({"cut_after_data": "drop_after_data", "slow": "slow"}[blow.kind])
            yield
        finally:
            self._ground.proxies.change("smtp", "pass")
            self._behave("accept")

    @contextmanager
    def _login_refused(self, blow: Blow, fault: Fault) -> Iterator[None]:
        self._ground.proxies.change("imap", "refuse_login")
        fault.detail = f"{blow.seconds:.0f} s"
        try:
            yield
        finally:
            self._ground.proxies.change("imap", "pass")

    def _behave(self, mode: str, stage: str = "data") -> None:
        url = f"{self._ground.mailbox_url}/api/v1/behaviour"
        for _ in range(60):  # the mailbox may be standing still
            with contextlib.suppress(requests.RequestException):
                if requests.put(url, json={"mode": mode, "stage": stage}, timeout=5).ok:
                    return
            time.sleep(1)
        raise requests.ConnectionError("the mailbox does not answer")


def _deck(ground: Ground, seed: str, count: int, longest: float) -> list[Blow]:
    allowed = {key: weight for key, weight in _DECK.items() if _possible(ground, *key)}
    total = sum(allowed.values())
    kinds = [key for key, weight in allowed.items() for _ in range(weight * count // total)]
    choices = Choices(seed, "faults")
    while len(kinds) < count:
        kinds.append(choices.weighted(allowed))
    blows = []
    for number, (kind, target) in enumerate(choices.shuffled(kinds)):
        blows.append(Blow(number, kind, target, min(longest, _seconds(choices, kind))))
    return blows


def _seconds(choices: Choices, kind: str) -> float:
    if kind in ("kill", "kill_backend", "end_backend"):
        return 0.5
    if kind == "cut":
        return choices.between(0.2, 3)
    if kind == "stop":  # a few for a whole minute: longer than every heartbeat
        return choices.of([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 30.0, 60.0])
    if kind == "black_hole":
        return choices.of([2.0, 4.0, 8.0, 15.0, 30.0])
    return choices.between(1, 8)


def _possible(ground: Ground, kind: str, target: str) -> bool:
    if kind == "hour_back":
        return ground.clock_can_be_turned()
    if kind == "end_backend":
        return True
    if kind == "kill_backend":  # ends every connection of every database of the server
        return "postgres" in ground.killable
    if kind in ("kill", "disk_full"):
        return target in ground.killable
    if kind == "stop":
        return target in ground.stoppable
    return target in ground.proxies.ports
