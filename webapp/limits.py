"""Limits per address, counted by Flask-Limiter's own counters."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import current_app, request
from flask_limiter import Limiter
from limits import RateLimitItemPerHour

_ONE_CONNECTION = 64  # bits: what a provider gives one household, which may take any address in it


def allow(what: str, per_hour: int) -> bool:
    """Count one more of `what` from this visitor; False when that is over the limit."""
    limiter: Limiter = current_app.extensions["ibok_limiter"]
    return limiter.limiter.hit(RateLimitItemPerHour(per_hour), what, visitor(request.remote_addr or ""))


def visitor(address: str) -> str:
    """Who counts as one: an IPv4 address, also written as IPv6, or the /64 of an IPv6 address."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((found, _ONE_CONNECTION), strict=False))


def first_use(salt: str) -> bool:
    """True once for each puzzle, whoever sends its solution from wherever (F05)."""
    limiter: Limiter = current_app.extensions["ibok_limiter"]
    return limiter.limiter.hit(RateLimitItemPerHour(1), "solved", salt)
