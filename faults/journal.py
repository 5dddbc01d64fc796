"""What was asked, answered and struck, with times of one clock: the evidence of a campaign."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Deed:
    """One request of the driver.

    Attributes:
        case: number of the application in the campaign.
        answered_at: None while, or for ever when, the outcome is unknown: cut off, or no answer in time.
        status: HTTP status; for a visit of the login page 200 or 0.
    """

    case: int
    name: str
    asked_at: float
    reference: str = ""
    login: str = ""
    answered_at: float | None = None
    status: int | None = None
    code: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        return self.status is None


@dataclass
class Fault:
    """One blow of the saboteur.

    Attributes:
        holds_up: whether a worker may stand still in the middle of something while it lasts.
    """

    number: int
    kind: str
    target: str
    began: float
    ended: float | None = None
    detail: str = ""
    holds_up: bool = False


class Journal:
    """Thread-safe; every finished line is also written to a file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")
        self.deeds: list[Deed] = []
        self.faults: list[Fault] = []

    def asked(self, deed: Deed) -> Deed:
        with self._lock:
            self.deeds.append(deed)
        return deed

    def struck(self, fault: Fault) -> Fault:
        with self._lock:
            self.faults.append(fault)
        return fault

    def written(self, line: Deed | Fault) -> None:
        with self._lock:
            self._file.write(json.dumps({"line": type(line).__name__, **asdict(line)}, ensure_ascii=False) + "\n")
            self._file.flush()

    def of_case(self, case: int) -> list[Deed]:
        with self._lock:
            return [deed for deed in self.deeds if deed.case == case]


def now() -> float:
    """Seconds since the epoch, of this machine, as the mailbox stamps its mails."""
    return time.time()
