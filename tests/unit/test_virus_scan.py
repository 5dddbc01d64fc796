"""clamd, spoken to over its socket; here a socket that answers as clamd does."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.adapters.files.virus_scan import ScannerGone, VirusScan
from provisioning.domain.errors import Invalid


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[Path]:
    """Reads one INSTREAM after the other; EICAR in it is FOUND, `break` breaks off."""
    path = tmp_path / "clamd.sock"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def exactly(connection: socket.socket, count: int) -> bytes:
        found = b""
        while len(found) < count:
            found += connection.recv(count - len(found))
        return found

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                assert exactly(connection, 10) == b"zINSTREAM\0"
                content = b""
                while size := int.from_bytes(exactly(connection, 4), "big"):
                    content += exactly(connection, size)
                if b"break" not in content:
                    connection.sendall(b"stream: Eicar-Test FOUND\0" if b"EICAR" in content else b"stream: OK\0")

    threading.Thread(target=serve, daemon=True).start()
    yield path
    server.close()


def test_a_clean_file_passes_also_a_large_one(clamd: Path) -> None:
    VirusScan(clamd)(b"x" * 300_000)


def test_an_infected_file_is_refused_by_name(clamd: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        VirusScan(clamd)(b"EICAR")
    assert refusal.value.errors[0].code == "file_infected"


def test_without_an_answer_no_file_is_taken(clamd: Path, tmp_path: Path) -> None:
    for scanner in (VirusScan(clamd), VirusScan(tmp_path / "nothing.sock")):
        with pytest.raises(ScannerGone):
            scanner(b"break")


def test_without_clamd_every_file_passes() -> None:
    VirusScan(None)(b"EICAR")
