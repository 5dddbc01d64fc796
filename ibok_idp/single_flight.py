"""One thread fetches, the others do not queue behind it: no lock is held while HTTP is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

Value = TypeVar("Value")


class StillUnderWay(Exception):
    """Another thread is fetching, and its answer did not come in time."""


class SingleFlight(Generic[Value]):
    """A call that at most one thread makes at a time.

    Args:
        fetch: may take as long as a time-out over the network takes.
    """

    def __init__(self, fetch: Callable[[], Value]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._flight: Future[Value] | None = None

    @property
    def under_way(self) -> bool:
        return self._flight is not None

    def __call__(self, patience: float) -> Value:
        """The outcome of the call under way, else of a new one.

        Args:
            patience: seconds to wait for the call of another thread.

        Raises:
            StillUnderWay. Whatever `fetch` raises, in every thread that waited for it.
        """
        with self._lock:
            others = self._flight
            if others is None:
                own = self._flight = Future[Value]()
        if others is not None:
            if not wait([others], patience).done:
                raise StillUnderWay
            return others.result()
        try:
            own.set_result(self._fetch())
        except BaseException as error:
            own.set_exception(error)
        finally:
            with self._lock:
                self._flight = None
        return own.result()
