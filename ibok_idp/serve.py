"""gunicorn for the two web processes: one worker process, many threads (they wait for others, not for the CPU)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication


def serve_with_gunicorn(make_app: Callable[[], Flask], bind: str, threads: int) -> None:
    """Serve until SIGTERM. No access log: its lines would hold addresses and links of applicants."""

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            settings: dict[str, Any] = {
                "bind": bind,
                "worker_class": "gthread",
                "workers": 1,
                "threads": threads,
                "timeout": 60,
                "graceful_timeout": 20,
                "limit_request_line": 8190,
                "limit_request_fields": 60,
                "limit_request_field_size": 16_380,
                "accesslog": None,
                "loglevel": "warning",
                "forwarded_allow_ips": "127.0.0.1",
                "control_socket_disable": True,
            }
            for name, value in settings.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Flask:
            return make_app()

    Server().run()
