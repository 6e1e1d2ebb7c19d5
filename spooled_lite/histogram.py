"""Counts of values by size, as a scrape reads them."""

import math
from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """A histogram to which only one thread may add."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """How many values were at most each bound; the last bound is infinite."""
        counts, below = tuple(self._counts), 0
        found: list[tuple[str, float]] = []
        for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
            below += count
            found.append(("+Inf" if bound == math.inf else str(float(bound)), below))
        return found
