"""The two web processes: gunicorn keeps the processes, waitress the connections.

A slow client costs a file descriptor, never a thread: waitress receives a request to its end before a thread sees it, and
sends an answer long after the thread has gone on (F14). gunicorn forks, supervises and stops. The decision about slow
clients in docs/adr has the figures.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from ibok_idp.connections import HEAD_BYTES, ConnectionServer

_GRACE_SECONDS = 20
_FINISH_SECONDS = 15  # for requests that run and answers on their way, when the process is told to stop
_LEAVE_SECONDS = 3  # for what is only half received then
_MOST_CONNECTIONS = 1500


def serve(make_app: Callable[[], Flask], bind: str, threads: int, *, largest_body: int, processes: int = 1) -> None:
    """Serve until SIGTERM. No access log: its lines would hold addresses and links of applicants.

    Args:
        bind: `address:port`.
        threads: requests that are worked on at the same time, in each process.
        largest_body: bytes that are received at all; what an endpoint takes is the app's own matter.
        processes: how many share the port.
    """
    worker = type("ConnectionWorker", (_Worker,), {"threads": threads, "largest_body": largest_body})

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            settings: dict[str, Any] = {
                "bind": bind,
                "worker_class": worker,
                "workers": processes,
                "timeout": 60,
                "graceful_timeout": _GRACE_SECONDS,
                "accesslog": None,
                "loglevel": "warning",
                "control_socket_disable": True,
            }
            for name, value in settings.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Flask:
            return make_app()

    Server().run()


class _Worker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One process: waitress's loop and threads on the sockets that gunicorn holds."""

    threads: int
    largest_body: int

    def run(self) -> None:
        log = logging.getLogger("waitress")
        log.setLevel(logging.WARNING)
        log.addFilter(_without_path)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full house is no news for every request
        connections: dict[int, Any] = {}
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(self.threads)
        rules = self._rules()
        doors = [
            ConnectionServer(
                self.wsgi,
                connections,
                True,
                listener.sock,
                dispatcher=dispatcher,
                adj=rules,
                bind_socket=False,
                sockinfo=(listener.sock.family, listener.sock.type, listener.sock.proto, listener.sock.getsockname()),
            )
            for listener in self.sockets
        ]
        while self.alive and self.ppid == os.getppid():  # without its master nobody would ever stop it
            self.notify()
            wasyncore.loop(timeout=1, use_poll=True, map=connections, count=1)
        self._finish(doors, connections)
        logging.shutdown()
        os._exit(0)  # everything is sent; taking the interpreter apart takes seconds of CPU more, and nobody waits for it

    def _rules(self) -> Adjustments:
        return Adjustments(
            ident="",  # says neither what serves here nor its version
            connection_limit=_MOST_CONNECTIONS,
            cleanup_interval=5,
            max_request_header_size=HEAD_BYTES,
            max_request_body_size=self.largest_body,
            recv_bytes=2**16,
            outbuf_high_watermark=2**26,
            clear_untrusted_proxy_headers=False,  # the app itself reads X-Forwarded-For, from as many proxies as are trusted
            expose_tracebacks=False,
        )

    def _finish(self, doors: list[ConnectionServer], connections: dict[int, Any]) -> None:
        """Nothing new; what runs is finished and sent, what is half received has a moment more."""
        for door in doors:
            door.stop_accepting()
        begun = time.monotonic()
        while (waited := time.monotonic() - begun) < _FINISH_SECONDS:
            self.notify()
            if not sum(door.close_idle(half_received=waited > _LEAVE_SECONDS) for door in doors):
                return
            wasyncore.loop(timeout=0.1, use_poll=True, map=connections, count=1)


def _without_path(record: logging.LogRecord) -> bool:
    """waitress names the path of a request that failed; paths hold the links of applicants."""
    message = record.getMessage()
    if " while serving " in message:
        record.msg, record.args = message.partition(" while serving ")[0] + " while serving a request", ()
    return True
