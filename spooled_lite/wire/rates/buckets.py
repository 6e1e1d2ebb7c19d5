"""Token buckets and windows: how much of a limit is left. Knows nothing of requests."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, TypeVar

from msgspec import Struct

from spooled_lite.errors import LimitScope, RateLimited

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

WINDOW_MS: Final = 60_000
KEPT_MAX: Final = 10_000  # buckets or windows of one kind


class BucketStanding(Struct, frozen=True):
    """What the headers say, and whether the request may go on."""

    limit: int
    remaining: int
    reset_at: int  # Unix seconds, when it is full again
    scope: LimitScope
    retry_after_seconds: int = 0  # 0: admitted

    def check(self) -> None:
        """Raises RateLimited."""
        if self.retry_after_seconds:
            raise RateLimited(
                retry_after_seconds=self.retry_after_seconds,
                limit=self.limit,
                reset_at=self.reset_at,
                scope=self.scope,
            )


class Rate(Struct, frozen=True):
    per_second: float
    burst: int


class TokenBucket:
    __slots__ = ("_at_ms", "_rate", "_scope", "_tokens")

    def __init__(self, rate: Rate, now_ms: int, scope: LimitScope) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at_ms = now_ms
        self._scope: LimitScope = scope

    def refill(self, rate: Rate, now_ms: int) -> None:
        """When the clock was set back, nothing is added and nothing is lost."""
        passed_ms = max(0, now_ms - self._at_ms)
        self._rate = rate
        self._tokens = min(float(rate.burst), self._tokens + passed_ms / 1000 * rate.per_second)
        self._at_ms = now_ms

    def has_room(self) -> bool:
        return self._tokens >= 1

    def take(self) -> None:
        """One token; where there is none, no debt is kept: see `RateLimits.charge`."""
        self._tokens = max(0.0, self._tokens - 1)

    def standing(self, now_ms: int, *, refused: bool) -> BucketStanding:
        rate = self._rate
        full_at = now_ms / 1000 + (rate.burst - self._tokens) / rate.per_second
        wait_seconds = max(1, math.ceil((1 - self._tokens) / rate.per_second)) if refused else 0
        return BucketStanding(
            rate.burst, int(self._tokens), math.ceil(full_at), self._scope, wait_seconds
        )


class Window:
    """A number of requests in a minute, which begins with the first of them."""

    __slots__ = ("_count", "_scope", "_started_at_ms")

    def __init__(self, now_ms: int, scope: LimitScope) -> None:
        self._started_at_ms = now_ms
        self._count = 0
        self._scope: LimitScope = scope

    def turn(self, now_ms: int) -> None:
        if self._is_over(now_ms):
            self._started_at_ms = now_ms
            self._count = 0

    def has_room(self, limit: int) -> bool:
        return self._count < limit

    def take(self) -> None:
        self._count += 1

    def standing(self, limit: int, now_ms: int, *, refused: bool) -> BucketStanding:
        ends_at_ms = self._started_at_ms + WINDOW_MS
        wait_seconds = max(1, math.ceil((ends_at_ms - now_ms) / 1000)) if refused else 0
        remaining = max(0, limit - self._count)
        return BucketStanding(
            limit, remaining, math.ceil(ends_at_ms / 1000), self._scope, wait_seconds
        )

    def _is_over(self, now_ms: int) -> bool:
        """The minute is over, or it began in the future because the clock was set back."""
        return not 0 <= now_ms - self._started_at_ms < WINDOW_MS


def use(kept: OrderedDict[K, V], key: K) -> V | None:
    """The value of a key, which is then the most recently used one."""
    value = kept.get(key)
    if value is not None:
        kept.move_to_end(key)
    return value


def keep(kept: OrderedDict[K, V], key: K, value: V) -> V:
    """Above KEPT_MAX the least recently used one is dropped: it is most likely full again."""
    if len(kept) >= KEPT_MAX:
        kept.popitem(last=False)
    kept[key] = value
    return value
