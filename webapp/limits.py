"""Limits per address, counted in Valkey by all webapps together; while it is away, by each for itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import structlog
from flask import current_app, request
from limits import RateLimitItemPerHour
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

_log = structlog.get_logger()
_ONE_CONNECTION = 64  # bits: what a provider gives one household, which may take any address in it
_PATIENCE_SECONDS = 1
_REST_SECONDS = 10  # after a failure nobody asks; each who asked would wait


class Counters:
    """Counts in one store for all processes.

    While that store is away each process counts in its own memory: the limits hold, only that each of so many processes
    lets as much through. Visitors notice nothing; closing the door for want of a counter would close it for everybody,
    and opening it would be an invitation to bring the counter down.

    Args:
        storage: `memory://` or `valkey://host:port`.
    """

    def __init__(self, storage: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        waiting = {"socket_connect_timeout": _PATIENCE_SECONDS, "socket_timeout": _PATIENCE_SECONDS}
        shared = storage_from_string(storage, wrap_exceptions=True, **({} if storage.startswith("memory") else waiting))
        self._shared = FixedWindowRateLimiter(shared)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._monotonic, self._away_since = monotonic, float("-inf")

    def hit(self, per_hour: int, *whose: str) -> bool:
        """Count one more; False when that is over the limit."""
        item = RateLimitItemPerHour(per_hour)
        if self._monotonic() - self._away_since < _REST_SECONDS:
            return self._own.hit(item, *whose)
        try:
            return self._shared.hit(item, *whose)
        except StorageError as error:
            self._away_since = self._monotonic()
            _log.error("limits.store_away", error=type(error.storage_error).__name__)
            return self._own.hit(item, *whose)


def counters(storage: str) -> FixedWindowRateLimiter:
    """The counters behind `allow` and `first_use`, for `app.extensions["ibok_counters"]`.

    Args:
        storage: `memory://`, or `valkey://host:port` for counters that several processes share.
    """
    return FixedWindowRateLimiter(storage_from_string(storage))


def allow(what: str, per_hour: int) -> bool:
    """Count one more of `what` from this visitor; False when that is over the limit."""
    return _counters().hit(per_hour, what, visitor(request.remote_addr or ""))


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
    return _counters().hit(1, "solved", salt)


def _counters() -> Counters:
    counters: Counters = current_app.extensions["ibok_counters"]
    return counters
