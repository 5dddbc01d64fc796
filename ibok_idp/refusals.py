"""Refused authorizations, in the log of every process (ASVS 16.3.2)."""

from __future__ import annotations

import structlog
from flask import Flask, Response, g, request

_log = structlog.get_logger()


def log_refusals(app: Flask) -> None:
    """Log every 403 of an app: who was refused, from where, and at which route.

    Whoever checks a login puts what has a `username` into `g.user` (pages) or `g.caller` (tokens). The route is logged and never
    the address itself, which may hold the token of a link.
    """

    @app.after_request
    def log(response: Response) -> Response:
        if response.status_code == 403:
            person = g.get("caller") or g.get("user")
            _log.warning(
                "access.refused",
                who=person.username if person else None,
                verb=request.method,
                route=request.url_rule.rule if request.url_rule else None,
                address=request.remote_addr,
            )
        return response
