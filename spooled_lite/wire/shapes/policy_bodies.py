"""The policy of a job, a task or a queue about failures, as callers give it and as it is shown."""

from typing import Annotated, Self, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

from spooled_lite.core.breakers.columns import BreakerStanding, BreakerState
from spooled_lite.core.jobs.policy import (
    DELAY_MS_MAX,
    MULTIPLIER_MAX,
    MULTIPLIER_MIN,
    OPEN_TIMEOUT_MS_MAX,
    STRATEGIES,
    THRESHOLD_MAX,
    TIMEOUT_MS_MAX,
    USUAL_BACKOFFS,
    Backoff,
    CircuitBreaker,
    Strategy,
    read_backoff,
    read_breaker,
)
from spooled_lite.errors import RuleBroken
from spooled_lite.times import format_optional_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
_OF_STRATEGIES = (
    "How the wait grows with the number n of retries before: "
    "`exponential`: the smaller of `base_delay_ms` x `multiplier`^n and `max_delay_ms`; "
    "`linear`: the smaller of `base_delay_ms` x (n + 1) and `max_delay_ms`; `fixed`: `base_delay_ms`; "
    "`full_jitter`: by chance below the smaller of `min_delay_ms` x 2^n and `max_delay_ms`, at least 1 ms"
)
_Delay = Meta(ge=0, le=DELAY_MS_MAX)
StrategyGiven = Annotated[Strategy, about(_OF_STRATEGIES, "exponential")]
StrategyShown = Annotated[str, one_of(_OF_STRATEGIES, *STRATEGIES)]
Base = Annotated[int, about("The wait before the first retry, in milliseconds; default 1000", 1_000)]
Multiplier = Annotated[float | int, about(f"By how much each wait is longer than the one before, {MULTIPLIER_MIN} to {MULTIPLIER_MAX}; default 2", 2)]
MultiplierGiven = Annotated[float, Meta(ge=MULTIPLIER_MIN, le=MULTIPLIER_MAX), about(f"By how much each wait is longer than the one before, {MULTIPLIER_MIN} to {MULTIPLIER_MAX}; default 2", 2)]
Longest = Annotated[int, about("The longest wait in milliseconds; default 60000, of `full_jitter` 2000", 60_000)]
Jitter = Annotated[int, about("Below this the first wait of `full_jitter` is, in milliseconds; less than `max_delay_ms`, unless that is 0; default 100", 100)]
Threshold = Annotated[int, about("So many failed attempts in a row, without a completed one between, open the breaker", 5)]
OpenTimeout = Annotated[int, about("For so many milliseconds nothing is handed out then; after that one attempt at a time, until one is completed", 30_000)]
TimeoutMs = Annotated[int, about("How long an attempt may take, in milliseconds, instead of `timeout_seconds`; 0: without end. A lease is not renewed later than 10 s after that", 30_000)]
BreakerStateShown = Annotated[str, one_of("`closed`: work is handed out; `open`: none is; `half_open`: one attempt is, which decides", *get_args(BreakerState))]
FailuresInARow = Annotated[int, a_count("Failed attempts in a row", 5)]
OpenedAt = Annotated[str, a_time("When it opened last; null: it is closed")]
OpenUntil = Annotated[str, a_time("When it lets one attempt through; null: it is closed", "2026-10-01T09:00:30.000Z")]
IsTried = Annotated[bool, about("Whether the attempt that decides is under way", False)]
# fmt: on

TimeoutMsGiven = Annotated[TimeoutMs, Meta(ge=0, le=TIMEOUT_MS_MAX)]


class BackoffBody(Struct, frozen=True, kw_only=True):
    """The wait before a retry. What its strategy does not read is ignored; null means left out."""

    strategy: StrategyGiven = "exponential"
    base_delay_ms: Annotated[Base, _Delay] | None = None
    multiplier: MultiplierGiven | None = None
    max_delay_ms: Annotated[Longest, _Delay] | None = None
    min_delay_ms: Annotated[Jitter, _Delay] | None = None

    def checked(self, at: str = "backoff") -> Backoff:
        """With the defaults of its strategy. `at` is its place in the body.

        Raises:
            RuleBroken: the waits of `full_jitter` could not grow.
        """
        usual = USUAL_BACKOFFS[self.strategy]
        parts = ("base_delay_ms", "multiplier", "max_delay_ms", "min_delay_ms")
        read = {part: getattr(usual, part) for part in parts if getattr(usual, part) is not None}
        given = {part: value for part in read if (value := getattr(self, part)) is not None}
        made = Backoff(strategy=self.strategy, **{**read, **given})
        least, most = made.min_delay_ms, made.max_delay_ms
        if least is not None and most and most <= least:
            field = f"{at}.max_delay_ms"
            raise RuleBroken.of(
                field,
                f"Field `{field}` must be more than `min_delay_ms`, which is {least}, or 0",
                "range",
            )
        return made


class BackoffView(Struct, frozen=True, kw_only=True):
    """The wait before a retry, with what its strategy reads."""

    strategy: StrategyShown
    base_delay_ms: Base | UnsetType = UNSET
    multiplier: Multiplier | UnsetType = UNSET
    max_delay_ms: Longest | UnsetType = UNSET
    min_delay_ms: Jitter | UnsetType = UNSET

    @classmethod
    def of(cls, stored: bytes) -> Self:
        return cls.showing(read_backoff(stored))

    @classmethod
    def showing(cls, backoff: Backoff) -> Self:
        multiplier = backoff.multiplier
        if multiplier is not None and float(multiplier).is_integer():
            multiplier = int(multiplier)  # some clients read no other ones into an integer
        return cls(
            strategy=backoff.strategy,
            base_delay_ms=_said(backoff.base_delay_ms),
            multiplier=UNSET if multiplier is None else multiplier,
            max_delay_ms=_said(backoff.max_delay_ms),
            min_delay_ms=_said(backoff.min_delay_ms),
        )


class CircuitBreakerBody(Struct, frozen=True, kw_only=True):
    """When attempts are no longer handed out because one after the other fails."""

    failure_threshold: Annotated[Threshold, Meta(ge=1, le=THRESHOLD_MAX)]
    open_timeout_ms: Annotated[OpenTimeout, Meta(ge=1, le=OPEN_TIMEOUT_MS_MAX)]

    def breaker(self) -> CircuitBreaker:
        return CircuitBreaker(
            failure_threshold=self.failure_threshold, open_timeout_ms=self.open_timeout_ms
        )


class CircuitBreakerView(Struct, frozen=True, kw_only=True):
    """When attempts are no longer handed out because one after the other fails."""

    failure_threshold: Threshold
    open_timeout_ms: OpenTimeout

    @classmethod
    def of(cls, stored: bytes) -> Self:
        breaker = read_breaker(stored)
        return cls(
            failure_threshold=breaker.failure_threshold, open_timeout_ms=breaker.open_timeout_ms
        )


class BreakerView(Struct, frozen=True, kw_only=True):
    """How a circuit breaker stands."""

    state: BreakerStateShown
    failures: FailuresInARow
    opened_at: OpenedAt | None
    open_until: OpenUntil | None
    is_tried: IsTried

    @classmethod
    def of(cls, it: BreakerStanding) -> Self:
        return cls(
            state=it.state,
            failures=it.failures,
            opened_at=format_optional_ms(it.opened_at_ms),
            open_until=format_optional_ms(it.open_until_ms),
            is_tried=it.is_tried,
        )


def _said(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value
