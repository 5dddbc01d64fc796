"""Connections of a web process: how much a client may send, how slowly, and in what form. On waitress's own classes."""

from __future__ import annotations

import socket
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error

from ibok_idp.headers import EVERYWHERE, NOTHING_AT_ALL

HEAD_BYTES = 2**16
_LINE_BYTES, _FIELD_BYTES, _FIELDS = 8190, 16_380, 60
_HEAD_SECONDS = 30  # for the whole head, and the start that every body and every answer has
_IDLE_SECONDS = 75  # between two requests
_BYTES_PER_SECOND = 2048  # whoever is slower for long is cut off; a bad mobile line is ten times as fast
_HELD_BYTES = 2**30  # bodies that are being received in one process, in memory and temporary files
_STEP = 2**20
_LET_IN_TOGETHER = 64
_SENDING_BYTES = 2**17  # in the kernel for each connection; left alone it grows to megabytes for who reads nothing


class _LengthRequired(Error):  # type: ignore[misc]  # waitress has no types
    code, reason = 411, "Length Required"


class _TooLongLine(Error):  # type: ignore[misc]
    code, reason = 414, "URI Too Long"


class _TooLargeFields(Error):  # type: ignore[misc]
    code, reason = 431, "Request Header Fields Too Large"


class _Full(Error):  # type: ignore[misc]
    code, reason = 503, "Service Unavailable"


class Request(HTTPRequestParser):  # type: ignore[misc]
    """One request as it is received.

    Stricter than waitress where two servers could read a request in two ways: no `Transfer-Encoding` (browsers, our own
    client and buffering proxies send a length), no folded lines, one `Content-Length`, one `Host`. Names with an underscore are dropped
    by waitress, so no header can stand in for `SCRIPT_NAME`, `PATH_INFO` or one with hyphens.
    """

    def __init__(self, adj: Adjustments, connection: _Connection) -> None:
        super().__init__(adj)
        self._connection = connection

    def received(self, data: bytes) -> int:
        before = self.body_bytes_received
        consumed: int = super().received(data)
        if self.body_bytes_received // _STEP > before // _STEP and self._connection.server.held_bytes() > _HELD_BYTES:
            self._refuse(_Full("Too much is being received."))
        if self.completed and consumed < len(data):
            self._connection.keep_for_later(data[consumed:])
        return len(data) if self.completed else consumed

    def parse_header(self, header_plus: bytes) -> None:
        lines = header_plus.split(b"\r\n")
        if any(line[:1] in (b" ", b"\t") for line in lines):
            raise ParsingError("Folded header")
        names = [line.partition(b":")[0].lower() for line in lines[1:]]
        for once in (b"host", b"content-length"):
            if names.count(once) > 1:
                raise ParsingError(f"{once.decode()} twice")
        super().parse_header(header_plus)
        if b"transfer-encoding" in names:
            self._refuse(_LengthRequired("Send a Content-Length."))
        elif len(lines[0]) > _LINE_BYTES:
            self._refuse(_TooLongLine(f"At most {_LINE_BYTES} bytes."))
        elif len(names) > _FIELDS or max(map(len, lines[1:]), default=0) > _FIELD_BYTES:
            self._refuse(_TooLargeFields(f"At most {_FIELDS} fields of {_FIELD_BYTES} bytes."))

    def _refuse(self, error: Error) -> None:
        self.error, self.completed = error, True
        self.close()  # what was taken of the body may lie in a file
        self.body_rcv, self.content_length, self.expect_continue = None, 0, False


class _Refusal(ErrorTask):  # type: ignore[misc]
    """What is refused before the app sees it has the headers that the app would have set."""

    def execute(self) -> None:
        error = self.request.error
        body = f"{error.reason}\r\n".encode()
        self.status = f"{error.code} {error.reason}"
        self.content_length = len(body)
        self.response_headers.extend(
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Security-Policy", NOTHING_AT_ALL),
                ("Cache-Control", "no-store"),
                *EVERYWHERE.items(),
            ]
        )
        self.set_close_on_finish()
        self.write(body)


class _Connection(HTTPChannel):  # type: ignore[misc]
    """One connection with its deadlines."""

    error_task_class = _Refusal
    server: ConnectionServer

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._receiving_since: float | None = time.time()
        self._sending_since: float | None = None
        self._sent = 0
        self._for_later = b""

    def parser_class(self, adj: Adjustments) -> Request:
        return Request(adj, self)

    def keep_for_later(self, data: bytes) -> None:
        """Requests sent in one go are taken one by one, each when the answer before it has been sent."""
        self._for_later = data

    def readable(self) -> bool:
        ready: bool = super().readable()
        if ready and self._for_later:
            data, self._for_later = self._for_later, b""
            self.received(data)
            return False
        return ready

    def received(self, data: bytes) -> bool:
        if not data:
            return False
        before = self.request
        done: bool = super().received(data)
        if self.request is None:
            self._receiving_since = None
        elif self.request is not before and (before is not None or self._receiving_since is None):
            self._receiving_since = time.time()
        return done

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self._sent += sent
        return sent

    @property
    def idle(self) -> bool:
        return not (self.requests or self.total_outbufs_len or self.request or self._for_later)

    def too_slow(self, now: float) -> bool:
        """Whether it is behind: with its head, its body, or with taking what it asked for."""
        if self.total_outbufs_len:
            if self._sending_since is None:
                self._sending_since, self._sent = now, 0
            return bool(now - self._sending_since > _HEAD_SECONDS + self._sent / _BYTES_PER_SECOND)
        self._sending_since = None
        if self.requests:
            return False  # it waits for us
        if self._receiving_since is not None:
            received = self.request.body_bytes_received if self.request else 0
            return bool(now - self._receiving_since > _HEAD_SECONDS + received / _BYTES_PER_SECOND)
        return bool(now - self.last_activity > _IDLE_SECONDS)


class ConnectionServer(TcpWSGIServer):  # type: ignore[misc]
    """Accepts connections on a socket that is bound already."""

    channel_class = _Connection

    def set_socket_options(self, conn: socket.socket) -> None:
        super().set_socket_options(conn)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING_BYTES)

    def handle_accept(self) -> None:
        """A crowd is let in together, not one for each turn of the loop."""
        for _ in range(_LET_IN_TOGETHER):
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before:
                return

    def add_task(self, task: _Connection) -> None:
        """Whoever asks whether the process lives does not wait behind a crowd: or it would be restarted for being in demand."""
        if getattr(task.requests[0], "path", "") != "/healthz":  # what could not be read has no path
            super().add_task(task)
            return
        dispatcher = self.task_dispatcher
        with dispatcher.lock:
            dispatcher.queue.appendleft(task)
            dispatcher.queue_cv.notify()

    def maintenance(self, now: float) -> None:
        for channel in list(self.active_channels.values()):
            if channel.too_slow(now):
                channel.will_close = True

    def held_bytes(self) -> int:
        """What of unfinished requests is held at this moment."""
        receiving = [each.request for each in list(self.active_channels.values())]
        return sum(request.body_bytes_received for request in receiving if request is not None)

    def stop_accepting(self) -> None:
        self.accepting = False
        self.del_channel()
        self.socket.close()  # this process's copy; whoever still holds the socket serves who waits before it

    def close_idle(self, *, half_received: bool) -> int:
        """Close what nobody waits for; the number that is left."""
        for channel in list(self.active_channels.values()):
            if channel.idle or (half_received and not channel.requests and not channel.total_outbufs_len):
                channel.handle_close()
        return len(self.active_channels)
