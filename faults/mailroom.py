"""The mails that arrived, read from the mailbox's folder: who got which password, and when."""

from __future__ import annotations

import email
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from pathlib import Path

_PASSWORD = re.compile(r"(?m)^(?:Hasło tymczasowe|Temporary password): (\S+)\s*$")
_LOGIN = re.compile(r"(?m)^Login: (\S+)\s*$")
_CONFIRMATION = re.compile(r"/wniosek/potwierdzenie/([^\s?]+)")


@dataclass(frozen=True)
class Received:
    """One mail.

    Attributes:
        at: when it had arrived whole, seconds since the epoch.
        kind: the left part of the Message-ID before its dot, which is the kind of mail.
        password, login, token: what it brings, if anything.
    """

    name: str
    at: float
    message_id: str
    to: str
    subject: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        return self.message_id.strip("<>").split(".", 1)[0]


class Mailroom:
    """Reads each mail once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._by_address: dict[str, list[Received]] = defaultdict(list)
        self._looked = 0.0

    def to(self, address: str) -> list[Received]:
        """Oldest first."""
        self.look()
        with self._lock:
            return list(self._by_address.get(address, ()))

    def everything(self) -> list[Received]:
        self.look(at_once=True)
        with self._lock:
            return sorted((mail for mails in self._by_address.values() for mail in mails), key=lambda mail: mail.at)

    def look(self, *, at_once: bool = False) -> None:
        with self._lock:
            if not at_once and time.monotonic() - self._looked < 1:
                return
            new = sorted({path.stem for path in self._folder.glob("*.eml")} - self._known)
            for name in new:
                mail = _read(self._folder / f"{name}.eml", name)
                self._by_address[mail.to].append(mail)
            self._known.update(new)
            self._looked = time.monotonic()


def _read(path: Path, name: str) -> Received:
    message = email.message_from_bytes(path.read_bytes())
    text = ""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
            break
    found = {key: pattern.search(text) for key, pattern in (("login", _LOGIN), ("password", _PASSWORD), ("token", _CONFIRMATION))}
    return Received(
        name=name,
        at=int(name.split("-")[0]) / 1e9,
        message_id=str(message["Message-ID"] or "").strip(),
        to=re.sub(r"^.*<|>.*$", "", str(message["To"] or "")),
        subject=str(make_header(decode_header(message["Subject"] or ""))),
        **{key: match[1] if match else None for key, match in found.items()},
    )
