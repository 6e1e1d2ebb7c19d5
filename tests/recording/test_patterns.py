"""Patterns match places as their stars say, whatever a server puts into them."""

import random
import re
import time
from typing import Final

import pytest

from spooled_lite.recording.patterns import Pattern

CHARS: Final = 200_000
SECONDS_MAX: Final = 2.0  # a match that goes back and forth takes minutes


@pytest.mark.parametrize(
    ("pattern", "place", "fits"),
    [
        ("id", "id", True),
        ("id", "jobs.0.id", True),
        ("id", "paid", False),
        ("*id", "paid", True),
        ("*_at", "jobs.0.created_at", True),
        ("payload.*.number", "payload.card.number", True),
        ("payload.*.number", "body.payload.a.b.number", True),
        ("payload.*.number", "payload.number", False),
        ("payload*number", "payload.number", True),
        ("a*a", "a", False),
        ("*", "", True),
        ("*", "a\nb", True),
    ],
)
def test_a_star_stands_for_anything(pattern: str, place: str, fits: bool) -> None:
    assert Pattern.of(pattern).matches(place) is fits


def test_patterns_mean_what_the_same_regular_expressions_mean() -> None:
    chance = random.Random(1)
    for _ in range(20_000):
        pattern = "".join(chance.choices("ab.*", k=chance.randrange(1, 7)))
        place = "".join(chance.choices("ab.", k=chance.randrange(9)))
        parts = ".*".join(re.escape(each) for each in pattern.split("*"))
        expected = re.fullmatch(rf"(?:.*\.)?{parts}", place, re.DOTALL) is not None
        assert Pattern.of(pattern).matches(place) is expected, (pattern, place)


@pytest.mark.parametrize("pattern", ["*_ids.*", "*.rate", "payload.*.number", "*a*a*a*b", "*_at"])
@pytest.mark.parametrize("name", [".", "a", "payload.", ".number", "a_ids"])
def test_a_hostile_name_costs_no_more_than_its_length(pattern: str, name: str) -> None:
    place = name * (CHARS // len(name))
    began = time.monotonic()

    Pattern.of(pattern).matches(place)

    assert time.monotonic() - began < SECONDS_MAX
