"""clamd, when the utility has one (`IBOK_CLAMD_SOCKET`): every uploaded or mailed file is shown to it before it is kept.

The protocol is four lines (INSTREAM, clamd(8)), and the clients on PyPI are unmaintained: so it is spoken here.
"""

from __future__ import annotations

import socket
from pathlib import Path

from provisioning.domain.errors import FieldError, Invalid, Unavailable

_CHUNK = 64 * 2**10


class ScannerGone(Unavailable):
    """clamd does not answer; the file is not taken, so that none slips through."""

    code = "virus_scan_unavailable"
    public = "Files cannot be checked for viruses now, so none is taken. Try again in a minute."


class VirusScan:
    """Asks clamd over its Unix socket; without one every file passes.

    Args:
        path: IBOK_CLAMD_SOCKET.
        timeout: seconds.
    """

    def __init__(self, path: Path | None, timeout: float = 30) -> None:
        self._path, self._timeout = path, timeout

    def __call__(self, content: bytes) -> None:
        """
        Raises:
            Invalid: `file_infected`. ScannerGone: no answer.
        """
        if self._path is None:
            return
        answer = self._asked(content)
        if answer.endswith("FOUND"):
            raise Invalid([FieldError("file", "file_infected")])
        if not answer.endswith("OK"):
            raise ScannerGone(f"clamd answers {answer[:80]!r}")

    def _asked(self, content: bytes) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._timeout)
                connection.connect(str(self._path))
                connection.sendall(b"zINSTREAM\0")
                for start in range(0, len(content), _CHUNK):
                    part = content[start : start + _CHUNK]
                    connection.sendall(len(part).to_bytes(4, "big") + part)
                connection.sendall(bytes(4))
                return connection.recv(4096).decode("utf-8", "replace").strip("\0\n ")
        except OSError as error:
            raise ScannerGone(f"clamd at {self._path}: {error.strerror or error}") from error
