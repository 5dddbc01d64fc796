"""Many of a kind, each for itself: one that cannot be dealt with stops none of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from provisioning.domain.errors import Outage

_log = structlog.get_logger()


class LeftBehind(Exception):
    """Some could not be dealt with and wait for the next round; all the others are done."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} left behind")
        self.count = count


def one_by_one(what: str, names: Iterable[str], do: Callable[[str], int]) -> int:
    """Do it for each, in its own transaction; return the sum of what `do` returns.

    Args:
        what: `account`, `mail`: for the log, which gives the name and the kind of error of each that raised.

    Raises:
        LeftBehind: at the end, when some raised. Outage: at once, for the next one would meet it too.
    """
    total = behind = 0
    for name in names:
        try:
            total += do(name)
        except Outage:
            raise
        except Exception:
            behind += 1
            _log.exception(f"{what}.left_behind", name=name)
    if behind:
        raise LeftBehind(behind)
    return total
