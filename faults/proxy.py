"""TCP proxies in a process of their own: pass, delay, cut in the middle of an answer, refuse, black hole, say something.

`python -m faults.proxy '[{"name", "listen", "host", "port"}, …]'` reads one JSON line a change from its standard input:
`{"name", "mode", "milliseconds"?, "text"?}`. A way without `port` leads nowhere: a mail server for letters in (IMAP) that
refuses connections, or, in mode `refuse_login`, every password.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

MODES = ("pass", "delay", "cut", "refuse", "black_hole", "say", "refuse_login")
_CHUNK = 65_536


class Way:
    """One listening port and what happens to connections on it."""

    def __init__(self, listen: int, host: str, port: int | None) -> None:
        self._listen, self._host, self._port = listen, host, port
        self._mode, self._pause, self._text = "pass", 0.0, b""
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def change(self, mode: str, milliseconds: int = 0, text: str = "") -> None:
        self._mode, self._pause, self._text = mode, milliseconds / 1000, text.encode()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        refused = mode == "refuse" or (self._port is None and mode != "refuse_login")
        if refused and self._server is not None:
            self._server.close()
            self._server = None
            self._abort_all()
        elif not refused and self._server is None:
            self._server = await asyncio.start_server(self._taken, "127.0.0.1", self._listen, limit=_CHUNK)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if self._mode == "say":
                writer.write(self._text)
                await writer.drain()
            elif self._mode == "refuse_login":
                await _refuse_login(reader, writer)
            elif self._port is not None:
                await self._lead(reader, writer)
        self._open.discard(writer)
        writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._mode == "black_hole":
            await self._changed.wait()
        try:
            upstream, onward = await asyncio.open_connection(self._host, self._port, limit=_CHUNK)
        except OSError:
            writer.transport.abort()
            return
        self._open.add(onward)
        pumps = [
            asyncio.create_task(self._pump(reader, onward, answers=False)),
            asyncio.create_task(self._pump(upstream, writer, answers=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._open.discard(onward)
        onward.close()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(_CHUNK):
            while self._mode == "black_hole":  # as on a wire: what was sent arrives when the way is open again
                await self._changed.wait()
            if self._mode == "delay":
                await asyncio.sleep(self._pause)
            if self._mode == "cut" and answers:
                target.write(data[: len(data) // 2])
                await target.drain()
                target.transport.abort()
                return
            target.write(data)
            await target.drain()

    def _abort_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()


async def _refuse_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """IMAP (RFC 9051) as far as it goes when no password is right."""
    writer.write(b"* OK IMAP4rev1 ready\r\n")
    while line := await reader.readline():
        tag, verb, *_ = [*line.split(), b"", b""]
        if verb.upper() == b"CAPABILITY":
            writer.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK\r\n")
        elif verb.upper() in (b"LOGIN", b"AUTHENTICATE"):
            writer.write(tag + b" NO [AUTHENTICATIONFAILED] refused\r\n")
        else:
            writer.write(tag + b" OK\r\n")
        await writer.drain()


async def serve(described: list[dict[str, Any]]) -> None:
    """Serve until the standard input ends."""
    ways = {each["name"]: Way(each["listen"], each["host"], each["port"]) for each in described}
    for way in ways.values():
        await way.change("pass")
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := await lines.readline():
        wanted = json.loads(line)
        await ways[wanted.pop("name")].change(**wanted)
    os._exit(0)  # connections that are still open need no farewell


@dataclass
class Proxies:
    """The running process, from outside.

    Args:
        ports: the listening port of each way by its name.
    """

    ports: dict[str, int]
    process: subprocess.Popen[str] | None = None

    def start(self, upstream: dict[str, tuple[str, int] | None]) -> None:
        described = [
            {"name": name, "listen": self.ports[name], "host": to[0] if to else "", "port": to[1] if to else None}
            for name, to in upstream.items()
        ]
        command = [sys.executable, "-m", "faults.proxy", json.dumps(described)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the proxies did not start")

    def change(self, name: str, mode: str, *, milliseconds: int = 0, text: str = "") -> None:
        assert self.process is not None and self.process.stdin is not None
        wanted = {"name": name, "mode": mode, "milliseconds": milliseconds, "text": text}
        self.process.stdin.write(json.dumps(wanted) + "\n")

    def pass_all(self) -> None:
        for name in self.ports:
            self.change(name, "pass")

    def stop(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(10)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
