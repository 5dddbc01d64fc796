"""Draws that look random and are the same for the same names, so that a campaign can be run again by its seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

_Thing = TypeVar("_Thing")


class Choices:
    """A stream of draws of its own for each set of names."""

    def __init__(self, *names: object) -> None:
        self._seed = ":".join(map(str, names)).encode()
        self._block = 0
        self._left, self._room = 0, 1

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        if self._room < limit << 32:
            digest = hashlib.blake2b(self._seed, digest_size=48, salt=self._block.to_bytes(8, "big")).digest()
            self._left, self._room = int.from_bytes(digest, "big"), 1 << 384
            self._block += 1
        self._left, found = divmod(self._left, limit)
        self._room //= limit
        return found

    def of(self, things: Sequence[_Thing]) -> _Thing:
        return things[self.below(len(things))]

    def percent(self, share: float) -> bool:
        """True in so many of a hundred cases."""
        return self.below(10_000) < share * 100

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.below(1_000_000) / 1_000_000

    def weighted(self, weights: dict[_Thing, int]) -> _Thing:
        place = self.below(sum(weights.values()))
        for thing, weight in weights.items():
            place -= weight
            if place < 0:
                return thing
        raise AssertionError("the weights do not add up")

    def shuffled(self, things: Sequence[_Thing]) -> list[_Thing]:
        left = list(things)
        return [left.pop(self.below(len(left))) for _ in things]
