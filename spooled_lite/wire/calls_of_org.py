"""Calls that stay for a while: so many at a time for each organization."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.errors import RateLimited

RETRY_AFTER_SECONDS: Final = 1  # when one of them may have ended


class CallsOfOrg:
    """Counts calls of one kind that are under way. Use it from one event loop."""

    def __init__(self, clock: Clock, of_org_max: int, too_many: str) -> None:
        """`too_many` is what a call is told for which its organization has no place."""
        self._clock = clock
        self._of_org_max = of_org_max
        self._too_many = too_many
        self._counts: Counter[int] = Counter()

    def count(self) -> int:
        """Those of all organizations."""
        return self._counts.total()

    def check(self, org: int) -> None:
        """Raises RateLimited: the organization has as many as it may have."""
        if self._counts[org] >= self._of_org_max:
            raise RateLimited(
                retry_after_seconds=RETRY_AFTER_SECONDS,
                limit=self._of_org_max,
                reset_at=self._clock.now_ms() // 1000 + RETRY_AFTER_SECONDS,
                message=self._too_many,
                ends_by_clock=False,
            )

    @contextmanager
    def place(self, org: int) -> Iterator[None]:
        """Raises RateLimited, as `check`."""
        self.check(org)
        self._counts[org] += 1
        try:
            yield
        finally:
            self._counts[org] -= 1
            if not self._counts[org]:
                del self._counts[org]
