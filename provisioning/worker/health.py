"""`/healthz`, `/readyz` and `/metrics` of the worker, as the two web processes have them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, generate_latest

_STUCK_AFTER_SECONDS = 30


@dataclass
class Life:
    """What the worker knows of itself.

    Attributes:
        beat_at: monotonic seconds at which its loop last turned.
        takes_jobs: connected to the queue.
    """

    beat_at: float = field(default_factory=time.monotonic)
    takes_jobs: bool = False

    def beat(self) -> None:
        self.beat_at = time.monotonic()

    @property
    def lives(self) -> bool:
        return time.monotonic() - self.beat_at < _STUCK_AFTER_SECONDS


def serve_health(
    bind: str, port: int, life: Life, registry: CollectorRegistry, database_answers: Callable[[], bool]
) -> Callable[[], None]:
    """Serve in a thread of its own; return how to end it.

    Raises:
        OSError: the port is taken.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = _answer(environ, life, registry, database_answers)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
        return [body]

    server = make_server(bind, port, app, server_class=_Server, handler_class=_Handler)
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


def _answer(
    environ: dict[str, Any], life: Life, registry: CollectorRegistry, database_answers: Callable[[], bool]
) -> tuple[str, str, bytes]:
    json = "application/json"
    match environ["PATH_INFO"]:
        case "/healthz":
            return ("200 OK", json, b'{"status": "ok"}') if life.lives else ("503 Stuck", json, b'{"status": "stuck"}')
        case "/readyz":
            if not (life.lives and life.takes_jobs and database_answers()):
                return "503 Not Ready", json, b'{"status": "database or queue unavailable"}'
            return "200 OK", json, b'{"status": "ready"}'
        case "/metrics" if "HTTP_X_FORWARDED_FOR" not in environ:  # for the monitoring, not for whoever comes through a proxy
            return "200 OK", "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry)
        case _:
            return "404 Not Found", json, b'{"status": "not found"}'


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(WSGIRequestHandler):
    timeout = 5  # seconds; whoever sends nothing does not keep a thread

    def log_message(self, *_: Any) -> None:
        """No access log."""
