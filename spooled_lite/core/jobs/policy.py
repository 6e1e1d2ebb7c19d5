"""What a job, a task or a queue says about failures: how long to wait, and when to stop trying."""

from collections.abc import Callable
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.records import CENTURY_SECONDS

Strategy = Literal["exponential", "linear", "fixed", "full_jitter"]
STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)

# Bounded so that a time this far ahead still has a four-digit year.
DELAY_MS_MAX: Final = CENTURY_SECONDS * 1000
MULTIPLIER_MIN: Final = 1
MULTIPLIER_MAX: Final = 10
THRESHOLD_MAX: Final = 10_000  # failures in a row
OPEN_TIMEOUT_MS_MAX: Final = 86_400_000  # a day: what is denied longer is better paused
TIMEOUT_MS_MAX: Final = 86_400_000  # of an attempt, as `timeout_seconds`
# Of the time that an attempt may take, beyond it: the failure that its worker reports comes first.
TIMEOUT_GRACE_MS: Final = 10_000
# As many as retries: keeps the power a number.
EXPONENT_MAX: Final = 100


class Backoff(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The wait before a retry. What its strategy does not read is None.

    Contract: catbird-capabilities, section 7 ("Common backoff field").
    """

    strategy: Strategy
    base_delay_ms: int | None = None  # exponential, linear, fixed
    multiplier: float | None = None  # exponential
    max_delay_ms: int | None = None  # all but fixed
    min_delay_ms: int | None = None  # full_jitter


# What a strategy reads, and what it takes where a caller says nothing.
USUAL_BACKOFFS: Final = {
    "exponential": Backoff(
        strategy="exponential", base_delay_ms=1_000, multiplier=2, max_delay_ms=60_000
    ),
    "linear": Backoff(strategy="linear", base_delay_ms=1_000, max_delay_ms=60_000),
    "fixed": Backoff(strategy="fixed", base_delay_ms=1_000),
    "full_jitter": Backoff(strategy="full_jitter", min_delay_ms=100, max_delay_ms=2_000),
}


class CircuitBreaker(Struct, frozen=True, kw_only=True):
    """When attempts are no longer handed out: catbird-capabilities, H7."""

    failure_threshold: int  # failures in a row
    open_timeout_ms: int


class OnFail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The job that follows when all attempts have failed. What is None has its default where that
    is made: see core/jobs/following.py. Contract: catbird-capabilities, T23.
    """

    queue_name: str | None = None
    max_retries: int | None = None
    timeout_ms: int | None = None  # 0: an attempt may take any time
    backoff: Backoff | None = None


class OwnPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a job has of its own, in its column `policy`."""

    backoff: Backoff | None = None
    on_fail: OnFail | None = None


_BACKOFF: Final = msgspec.json.Decoder(Backoff)
_BREAKER: Final = msgspec.json.Decoder(CircuitBreaker)
_ON_FAIL: Final = msgspec.json.Decoder(OnFail)
_POLICY: Final = msgspec.json.Decoder(OwnPolicy)


def stored(value: Backoff | CircuitBreaker | OnFail | OwnPolicy | None) -> bytes | None:
    """As a column holds it. A policy that says nothing is none, an `on_fail` that names nothing is
    one."""
    if value is None or value == OwnPolicy():
        return None
    return msgspec.json.encode(value)


def read_backoff(stored: bytes) -> Backoff:
    return _BACKOFF.decode(stored)


def read_breaker(stored: bytes) -> CircuitBreaker:
    return _BREAKER.decode(stored)


def read_on_fail(stored: bytes) -> OnFail:
    return _ON_FAIL.decode(stored)


def read_policy(stored: bytes) -> OwnPolicy:
    return _POLICY.decode(stored)


def timeout_seconds_of(timeout_ms: int) -> int:
    """The same for clients that know only whole seconds: not shorter, and a day for no end."""
    return -(-timeout_ms // 1000) or TIMEOUT_MS_MAX // 1000


def delay_ms(backoff: Backoff, retry_count: int, chance: Callable[[], float]) -> int:
    """How long a job waits that was retried so often before, in whole milliseconds.

    `chance` gives a number from 0 up to 1, which full jitter spreads its waits by.
    """
    base, most = backoff.base_delay_ms or 0, backoff.max_delay_ms or 0
    n = min(retry_count, EXPONENT_MAX)
    match backoff.strategy:
        case "exponential":
            return round(min(base * (backoff.multiplier or 1) ** n, most))
        case "linear":
            return min(base * (retry_count + 1), most)
        case "fixed":
            return base
        case "full_jitter":
            bound = min(most, (backoff.min_delay_ms or 0) * 2**n)
            return max(1, int(chance() * bound))
