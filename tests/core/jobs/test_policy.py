"""How long a backoff of each strategy waits."""

import random
from collections.abc import Callable

import pytest

from spooled_lite.core.jobs.policy import (
    STRATEGIES,
    USUAL_BACKOFFS,
    Backoff,
    CircuitBreaker,
    OwnPolicy,
    delay_ms,
    read_backoff,
    read_breaker,
    read_policy,
    stored,
    timeout_seconds_of,
)

JITTER = Backoff(strategy="full_jitter", min_delay_ms=100, max_delay_ms=2_000)


def no_chance() -> float:
    raise AssertionError("nothing is left to chance")


def always(value: float) -> Callable[[], float]:
    return lambda: value


def waits(backoff: Backoff, count: int = 7) -> list[int]:
    return [delay_ms(backoff, n, no_chance) for n in range(count)]


def test_the_default_doubles_up_to_a_minute() -> None:
    expected = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]
    assert waits(USUAL_BACKOFFS["exponential"]) == expected


def test_an_exponential_one_multiplies() -> None:
    backoff = Backoff(strategy="exponential", base_delay_ms=100, multiplier=1.5, max_delay_ms=1_000)

    assert waits(backoff) == [100, 150, 225, 338, 506, 759, 1_000]


def test_a_linear_one_adds() -> None:
    backoff = Backoff(strategy="linear", base_delay_ms=250, max_delay_ms=900)

    assert waits(backoff, 5) == [250, 500, 750, 900, 900]


def test_a_fixed_one_stays() -> None:
    assert waits(Backoff(strategy="fixed", base_delay_ms=5), 3) == [5, 5, 5]


def test_full_jitter_stays_below_its_bounds() -> None:
    chance = random.Random(7).random
    bounds = [100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]

    for n, bound in enumerate(bounds):
        drawn = [delay_ms(JITTER, n, chance) for _ in range(500)]
        assert 1 <= min(drawn) < bound / 10
        assert bound * 0.9 < max(drawn) < bound


def test_full_jitter_waits_at_least_a_millisecond() -> None:
    assert delay_ms(JITTER, 3, always(0.0)) == 1
    for least, most in [(0, 2_000), (100, 0), (0, 0)]:
        backoff = Backoff(strategy="full_jitter", min_delay_ms=least, max_delay_ms=most)
        assert delay_ms(backoff, 3, always(0.999)) == 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_number_of_retries_is_too_large(strategy: str) -> None:
    backoff = USUAL_BACKOFFS[strategy]
    most = backoff.max_delay_ms or backoff.base_delay_ms

    assert most is not None
    assert delay_ms(backoff, 1_000_000, always(0.9999)) <= most


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_column_gives_back_what_was_put_in(strategy: str) -> None:
    backoff = USUAL_BACKOFFS[strategy]
    breaker = CircuitBreaker(failure_threshold=5, open_timeout_ms=30_000)

    assert read_backoff(stored(backoff) or b"") == backoff
    assert read_policy(stored(OwnPolicy(backoff=backoff)) or b"").backoff == backoff
    assert read_breaker(stored(breaker) or b"") == breaker


def test_a_policy_that_says_nothing_is_not_stored() -> None:
    assert stored(None) is None
    assert stored(OwnPolicy()) is None


def test_whole_seconds_of_a_timeout_are_not_shorter_than_it() -> None:
    assert [timeout_seconds_of(ms) for ms in (1, 1_000, 1_001, 30_000)] == [1, 1, 2, 30]
    assert timeout_seconds_of(0) == 86_400  # without end
