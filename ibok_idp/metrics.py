"""`GET /metrics` for the monitoring alone: by a token, or on a machine where nothing stands in front."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.datastructures import Headers

_PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via")


class MetricsDoor:
    """Who may read the numbers.

    Args:
        token: `IBOK_METRICS_TOKEN`; with one, only `Authorization: Bearer …` with it opens.
        bind: the address the process listens on. Without a token the door is open only to this machine: never where
            the process can be reached from elsewhere or `trusted_proxies` says that a proxy passes strangers on.
    """

    def __init__(self, token: str, *, bind: str, trusted_proxies: int) -> None:
        self._token = token.encode()
        self._here_alone = _loopback(bind) and trusted_proxies == 0

    def opens(self, headers: Headers) -> bool:
        if self._token:
            return hmac.compare_digest(headers.get("Authorization", "").encode(), b"Bearer " + self._token)
        return self._here_alone and not any(headers.get(name) for name in _PASSED_ON)


def install_metrics(app: Flask, numbers: Callable[[], bytes], door: MetricsDoor) -> None:
    """Add `/metrics`; for everybody else there is no such page."""

    @app.get("/metrics")
    def metrics() -> Response:
        if not door.opens(request.headers):
            return Response(status=404)
        return Response(numbers(), mimetype="text/plain")


def _loopback(bind: str) -> bool:
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"
