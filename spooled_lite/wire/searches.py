"""Searches that look through jobs: so many at a time for each organization."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.errors import RateLimited

# Each keeps a reader thread busy. Their windows take turns with other reads, but not with the
# processor's other work.
OF_ORG_MAX: Final = 2
RETRY_AFTER_SECONDS: Final = 1  # longer than a call takes


class Searches:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: Counter[int] = Counter()

    def count(self) -> int:
        return self._counts.total()

    @contextmanager
    def place(self, org: int) -> Iterator[None]:
        """Raises RateLimited: the organization has as many as it may have."""
        if self._counts[org] >= OF_ORG_MAX:
            raise RateLimited(
                retry_after_seconds=RETRY_AFTER_SECONDS,
                limit=OF_ORG_MAX,
                reset_at=self._clock.now_ms() // 1000 + RETRY_AFTER_SECONDS,
                message=f"At most {OF_ORG_MAX} searches of an organization may run at a time",
                ends_by_clock=False,
            )
        self._counts[org] += 1
        try:
            yield
        finally:
            self._counts[org] -= 1
            if not self._counts[org]:
                del self._counts[org]
