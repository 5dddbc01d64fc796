"""Limits per visitor, counted in this process or, for several processes, in Valkey."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import current_app, request
from limits import RateLimitItemPerHour
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

_ONE_CONNECTION = 64  # bits: what a provider gives one household, which may take any address in it


def counters(storage: str) -> FixedWindowRateLimiter:
    """The counters behind `allow` and `first_use`, for `app.extensions["ibok_counters"]`.

    Args:
        storage: `memory://`, or `valkey://host:port` for counters that several processes share.
    """
    return FixedWindowRateLimiter(storage_from_string(storage))


def allow(what: str, per_hour: int) -> bool:
    """Count one more of `what` from this visitor; False when that is over the limit."""
    return _counters().hit(RateLimitItemPerHour(per_hour), what, visitor(request.remote_addr or ""))


def first_use(salt: str) -> bool:
    """True once for each puzzle, whoever sends its solution from wherever (F05)."""
    return _counters().hit(RateLimitItemPerHour(1), "solved", salt)


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


def _counters() -> FixedWindowRateLimiter:
    found: FixedWindowRateLimiter = current_app.extensions["ibok_counters"]
    return found
