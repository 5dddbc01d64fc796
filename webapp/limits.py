"""Limits per address, counted by Flask-Limiter's own counters."""

from __future__ import annotations

from flask import current_app, request
from flask_limiter import Limiter
from limits import RateLimitItemPerHour


def allow(what: str, per_hour: int) -> bool:
    """Count one more of `what` from this address; False when it is over the limit."""
    limiter: Limiter = current_app.extensions["ibok_limiter"]
    return limiter.limiter.hit(RateLimitItemPerHour(per_hour), what, request.remote_addr or "unknown")


def first_use(salt: str) -> bool:
    """True once for each puzzle, whoever sends its solution from wherever (F05)."""
    limiter: Limiter = current_app.extensions["ibok_limiter"]
    return limiter.limiter.hit(RateLimitItemPerHour(1), "solved", salt)
