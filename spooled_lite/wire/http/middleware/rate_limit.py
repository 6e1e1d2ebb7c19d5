"""How many requests an organization and a key may make. Contract: platform, section 4."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import Struct

from spooled_lite.config import Settings
from spooled_lite.errors import RateLimited
from spooled_lite.plans import tier_limits
from spooled_lite.wire.caller import Caller

Header = tuple[bytes, bytes]

UNLIMITED: Final = 1_000_000  # what the headers say when nothing is limited
WINDOW_MS: Final = 60_000
KEPT_MAX: Final = 10_000  # buckets and windows; above that, those that are full again go


class Standing(Struct, frozen=True):
    """What the headers say, and whether the request may go on."""

    limit: int
    remaining: int
    reset_at: int  # Unix seconds, when it is full again
    scope: Literal["organization", "api_key"]
    retry_after_seconds: int = 0  # 0: admitted

    def check(self) -> None:
        """Raises RateLimited."""
        if self.retry_after_seconds:
            raise RateLimited(
                retry_after_seconds=self.retry_after_seconds,
                limit=self.limit,
                reset_at=self.reset_at,
            )


class Rate(Struct, frozen=True):
    per_second: float
    burst: int


class TokenBucket:
    __slots__ = ("_at_ms", "_rate", "_tokens")

    def __init__(self, rate: Rate, now_ms: int) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at_ms = now_ms

    def refill(self, rate: Rate, now_ms: int) -> None:
        """Time may go backwards; then nothing is added and nothing is lost."""
        passed_ms = max(0, now_ms - self._at_ms)
        self._rate = rate
        self._tokens = min(float(rate.burst), self._tokens + passed_ms / 1000 * rate.per_second)
        self._at_ms = now_ms

    def has_room(self) -> bool:
        return self._tokens >= 1

    def take(self) -> None:
        self._tokens -= 1

    def standing(self, now_ms: int, *, refused: bool) -> Standing:
        rate = self._rate
        full_at = now_ms / 1000 + (rate.burst - self._tokens) / rate.per_second
        wait_seconds = max(1, math.ceil((1 - self._tokens) / rate.per_second)) if refused else 0
        return Standing(
            rate.burst, int(self._tokens), math.ceil(full_at), "organization", wait_seconds
        )

    def is_full(self, now_ms: int) -> bool:
        self.refill(self._rate, now_ms)
        return self._tokens >= self._rate.burst


class Window:
    """So many requests in a minute; the minute begins with the first of them."""

    __slots__ = ("_count", "_started_at_ms")

    def __init__(self, now_ms: int) -> None:
        self._started_at_ms = now_ms
        self._count = 0

    def turn(self, now_ms: int) -> None:
        if self.is_full(now_ms):
            self._started_at_ms = now_ms
            self._count = 0

    def has_room(self, limit: int) -> bool:
        return self._count < limit

    def take(self) -> None:
        self._count += 1

    def standing(self, limit: int, now_ms: int, *, refused: bool) -> Standing:
        ends_at_ms = self._started_at_ms + WINDOW_MS
        wait_seconds = max(1, math.ceil((ends_at_ms - now_ms) / 1000)) if refused else 0
        remaining = max(0, limit - self._count)
        return Standing(limit, remaining, math.ceil(ends_at_ms / 1000), "api_key", wait_seconds)

    def is_full(self, now_ms: int) -> bool:
        """Over, or begun in what has become the future."""
        return not 0 <= now_ms - self._started_at_ms < WINDOW_MS


class RateLimits:
    """Kept in memory: they start full after a restart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: dict[int, TokenBucket] = {}  # by organization
        self._windows: dict[int, Window] = {}  # by key

    def charge(self, caller: Caller, now_ms: int) -> Standing | None:
        """Count one request; where the narrower of the limits stands, None when there is none.

        A request that is refused counts against nothing.
        """
        limit = caller.rate_limit
        rate = organization_rate(self._settings, caller.plan_tier, caller.custom_limits)
        window = None if limit is None else self._window(caller.key, now_ms)
        bucket = None if rate is None else self._bucket(caller.org, rate, now_ms)
        if window is not None and limit is not None and not window.has_room(limit):
            return window.standing(limit, now_ms, refused=True)
        if bucket is not None and not bucket.has_room():
            return bucket.standing(now_ms, refused=True)
        standings: list[Standing] = []
        if window is not None and limit is not None:
            window.take()
            standings.append(window.standing(limit, now_ms, refused=False))
        if bucket is not None:
            bucket.take()
            standings.append(bucket.standing(now_ms, refused=False))
        return min(standings, key=lambda standing: standing.remaining, default=None)

    def _bucket(self, org: int, rate: Rate, now_ms: int) -> TokenBucket:
        bucket = self._buckets.get(org)
        if bucket is None:
            if len(self._buckets) >= KEPT_MAX:
                self._buckets = {
                    key: each for key, each in self._buckets.items() if not each.is_full(now_ms)
                }
            bucket = self._buckets[org] = TokenBucket(rate, now_ms)
        bucket.refill(rate, now_ms)
        return bucket

    def _window(self, key: int, now_ms: int) -> Window:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= KEPT_MAX:
                self._windows = {
                    key: each for key, each in self._windows.items() if not each.is_full(now_ms)
                }
            window = self._windows[key] = Window(now_ms)
        window.turn(now_ms)
        return window


def organization_rate(
    settings: Settings, tier: str, custom: Mapping[str, Any] | None
) -> Rate | None:
    """None when the organization is not limited. A custom limit always counts."""
    limits = tier_limits(tier) if settings.plan_enforcement == "on" else None
    per_second = (
        settings.rate_limit_requests_per_second
        if limits is None
        else limits.rate_limit_requests_per_second
    )
    burst = settings.rate_limit_burst if limits is None else limits.rate_limit_burst
    if custom is not None:
        per_second = _number(custom, "rate_limit_requests_per_second", per_second)
        burst = _number(custom, "rate_limit_burst", burst)
    if per_second is None:
        return None
    return Rate(per_second, 2 * per_second if burst is None else burst)


def rate_headers(standing: Standing | None, now_ms: int) -> tuple[Header, ...]:
    """None: nothing is limited, which is said with a large number."""
    if standing is None:
        return _unlimited(now_ms // 1000)
    return _headers(standing)


@lru_cache(maxsize=4)
def _unlimited(now_seconds: int) -> tuple[Header, ...]:
    return _headers(Standing(UNLIMITED, UNLIMITED, now_seconds + 1, "organization"))


def _headers(standing: Standing) -> tuple[Header, ...]:
    return (
        (b"x-ratelimit-limit", b"%d" % standing.limit),
        (b"x-ratelimit-remaining", b"%d" % standing.remaining),
        (b"x-ratelimit-reset", b"%d" % standing.reset_at),
        (b"x-ratelimit-scope", standing.scope.encode("ascii")),
    )


def _number(custom: Mapping[str, Any], name: str, otherwise: int | None) -> int | None:
    value = custom.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return otherwise
