"""No slot is missed and none comes twice: compared with brute force in every zone."""

from bisect import bisect_right
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from spooled_lite.core.schedules.cron import Cron, next_slot, parse
from tests.core.schedules.cron_oracle import (
    DAY,
    RULES,
    Rule,
    Stretch,
    ends_of_day,
    offset_of_day,
    slots_by_minute,
    stretches,
    walls,
)

# fmt: off
AWKWARD = (
    ("America/New_York", 2026),
    ("Australia/Lord_Howe", 2026),    # by half an hour
    ("Antarctica/Troll", 2026),       # by two hours
    ("America/Havana", 2026),         # at midnight
    ("Africa/Cairo", 2026),           # at midnight, from a Friday
    ("America/Sao_Paulo", 2018),      # left out midnight
    ("Africa/Casablanca", 2026),      # back and forth around Ramadan
    ("America/Godthab", 2026),        # the evening before
    ("Pacific/Chatham", 2026),        # at a quarter to
    ("Pacific/Apia", 2011),           # left out a whole day
    ("Asia/Pyongyang", 2018),         # half an hour, near midnight, for good
)
FURTHER = (
    ("Europe/Dublin", 2026),          # winter time is the exception
    ("Asia/Beirut", 2026),            # at midnight
    ("Europe/Moscow", 2010),
    ("Europe/London", 2026),
    ("Pacific/Kwajalein", 1993),      # left out a whole day
    ("Pacific/Enderbury", 1994),
    ("Asia/Pyongyang", 2015),
    ("America/Caracas", 2016),
    ("Europe/Moscow", 2014),
    ("Africa/Juba", 2021),
    ("America/Scoresbysund", 2024),   # to another zone and to summer time at once
    ("Europe/Volgograd", 2018),
    ("Antarctica/Casey", 2018),
    ("Antarctica/Casey", 2020),
    ("Africa/Cairo", 2010),           # four changes
    ("Africa/Cairo", 2014),
    ("Africa/Casablanca", 2018),
    ("America/St_Johns", 1988),       # by two hours, a minute after midnight
    ("America/St_Johns", 2006),       # a minute after midnight
    ("Asia/Amman", 2022),
    ("Asia/Gaza", 2011),
    ("Asia/Tehran", 2022),
    ("Pacific/Fiji", 2019),
    ("Europe/Istanbul", 2016),
)
# fmt: on
# Falls into each part of the hour, and into a repeated half hour at least once.
ODD_MOMENTS_SECONDS = 19 * 60 + 7
LONG_YEARS = (2025, 2028)  # the last one is not in it


@pytest.mark.slow
@pytest.mark.parametrize(("name", "year"), AWKWARD)
def test_an_awkward_zone_has_the_slots_that_brute_force_finds(name: str, year: int) -> None:
    check(ZoneInfo(name), year, year + 1)


@pytest.mark.long
@pytest.mark.parametrize(("name", "year"), FURTHER)
def test_further_awkward_years_have_the_slots_that_brute_force_finds(name: str, year: int) -> None:
    check(ZoneInfo(name), year, year + 1)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(available_timezones() - {"localtime"}))
def test_every_zone_has_the_slots_that_brute_force_finds(name: str) -> None:
    check(ZoneInfo(name), *LONG_YEARS)


def check(zone: ZoneInfo, first_year: int, end_year: int) -> None:
    start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(end_year, 1, 1, tzinfo=UTC).timestamp())
    near, days = stretches(zone, start, end)
    for stretch in near:
        minutes = walls(zone, stretch)
        for rule in RULES:
            check_stretch(rule, zone, stretch, slots_by_minute(rule, minutes))
    for rule in RULES:
        cron = parse(rule.expression)
        for day in days:
            check_day(rule, cron, zone, day)


def check_stretch(rule: Rule, zone: ZoneInfo, stretch: Stretch, expected: list[int]) -> None:
    """Every slot, one after the other, and the next one after moments that are not slots."""
    assert slots_between(rule, zone, stretch.start, stretch.end) == expected, rule.expression
    cron = parse(rule.expression)
    for instant in range(stretch.start, expected[-1] if expected else 0, ODD_MOMENTS_SECONDS):
        following = expected[bisect_right(expected, instant)]
        assert slot_after(cron, zone, instant) == following, (rule.expression, instant)


def slots_between(rule: Rule, zone: ZoneInfo, start: int, end: int) -> list[int]:
    cron, slots, after = parse(rule.expression), [], start - 1
    while (slot := slot_after(cron, zone, after)) < end:
        slots.append(slot)
        after = slot
    assert all(earlier < later for earlier, later in pairwise(slots))
    return slots


def check_day(rule: Rule, cron: Cron, zone: ZoneInfo, day: int) -> None:
    """The first slot of a day, and that the one after its last is on another."""
    ends = ends_of_day(rule, day, offset_of_day(zone, day))
    first = slot_after(cron, zone, day - 1)
    if ends is None:
        assert first >= day + DAY, rule.expression
        return
    assert first == ends[0], rule.expression
    assert slot_after(cron, zone, ends[1]) >= day + DAY, rule.expression


def slot_after(cron: Cron, zone: ZoneInfo, after: int) -> int:
    slot = next_slot(cron, zone, after * 1000)
    assert slot is not None
    assert slot % 1000 == 0
    return slot // 1000
