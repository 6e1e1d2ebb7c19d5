"""Slots by brute force: every minute of UTC is asked what the clock on the wall shows then."""

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from msgspec import Struct

HOUR, DAY = 3600, 86_400
NIGHT = (0, 1, 2, 3)
WHOLE_DAY = tuple(range(24))


class Rule(Struct, frozen=True):
    """What an expression means, written out by hand: which dates, and which seconds of a day."""

    expression: str
    in_every_pass: bool  # as it says in the hour field: `*` or `*/n`
    dates: Callable[[date], bool]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...] = (0,)

    def fires_in(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.dates(wall.date())


def any_date(_: date) -> bool:
    return True


def working_day(day: date) -> bool:
    return day.isoweekday() <= 5


def sunday(day: date) -> bool:
    return day.isoweekday() == 7


def thirteenth_or_friday(day: date) -> bool:
    return day.day == 13 or day.isoweekday() == 5


def odd_or_sunday_when_clocks_change(day: date) -> bool:
    return day.month in (3, 4, 10, 11) and (day.day % 2 == 1 or day.isoweekday() == 7)


RULES = (
    Rule("* * * * *", True, any_date, WHOLE_DAY, tuple(range(60))),
    Rule("*/15 */2 * * *", True, any_date, WHOLE_DAY[::2], (0, 15, 30, 45)),
    Rule("0 ? * * ?", True, any_date, WHOLE_DAY, (0,)),
    Rule("*/20 */15 * * * *", True, any_date, WHOLE_DAY, (0, 15, 30, 45), (0, 20, 40)),
    Rule("30 2 * * *", False, any_date, (2,), (30,)),
    Rule("*/10 0-3 * * *", False, any_date, NIGHT, (0, 10, 20, 30, 40, 50)),
    Rule("@daily", False, any_date, (0,), (0,)),
    Rule("15,45 0,1,23 * * *", False, any_date, (0, 1, 23), (15, 45)),
    Rule("0 9 * * MON-FRI", False, working_day, (9,), (0,)),
    Rule("10 30 0-23 * * SUN", False, sunday, WHOLE_DAY, (30,), (10,)),
    Rule("30 1 13 * 5", False, thirteenth_or_friday, (1,), (30,)),
    Rule("5 2-3 */2 3,4,oct-nov 7", False, odd_or_sunday_when_clocks_change, (2, 3), (5,)),
)


class Stretch(Struct, frozen=True):
    """Whole days of UTC in a row, in seconds since the epoch."""

    start: int
    end: int


def stretches(zone: ZoneInfo, start: int, end: int) -> tuple[list[Stretch], list[int]]:
    """The days around each change of the clock, joined, and the first second of every other day."""
    near = {
        day
        for hour in range(start, end, HOUR)
        if _offset(zone, hour) != _offset(zone, hour + HOUR)
        for day in (hour // DAY - 1, hour // DAY, hour // DAY + 1)
    }
    joined: list[Stretch] = []
    for day in sorted(near):
        if joined and joined[-1].end == day * DAY:
            joined[-1] = Stretch(joined[-1].start, (day + 1) * DAY)
        else:
            joined.append(Stretch(day * DAY, (day + 1) * DAY))
    return joined, [day * DAY for day in range(start // DAY, end // DAY) if day not in near]


def walls(zone: ZoneInfo, stretch: Stretch) -> list[tuple[int, datetime]]:
    """Each minute of a stretch, and what the clock shows."""
    return [
        (minute, datetime.fromtimestamp(minute, zone).replace(tzinfo=None, fold=0))
        for minute in range(stretch.start, stretch.end, 60)
    ]


def slots_by_minute(rule: Rule, minutes: list[tuple[int, datetime]]) -> list[int]:
    """All slots of a stretch.

    It starts a day before the first change, so that no wall time was shown before it as well.
    """
    slots: set[int] = set()
    shown: set[datetime] = set()
    expected = minutes[0][1]  # what the clock shows when nobody touches it
    for instant, wall in minutes:
        assert not wall.second, "offsets are whole minutes in these years"
        left_out = _fires_between(rule, expected, wall)
        if left_out and not rule.in_every_pass:
            slots.add(instant)
        if rule.fires_in(wall) and (rule.in_every_pass or wall not in shown):
            slots.update(instant + second for second in rule.seconds)
        shown.add(wall)
        expected = wall + timedelta(minutes=1)
    return sorted(slots)


def _fires_between(rule: Rule, wall: datetime, end: datetime) -> bool:
    while wall < end:
        if rule.fires_in(wall):
            return True
        wall += timedelta(minutes=1)
    return False


def ends_of_day(rule: Rule, day: int, offset: int) -> tuple[int, int] | None:
    """The first and the last slot of a day of UTC on which the clock is not changed."""
    moments = moments_of(rule)
    slots: list[int] = []
    for midnight in range((day + offset) // DAY * DAY, day + offset + DAY, DAY):
        if rule.dates(datetime.fromtimestamp(midnight, UTC).date()):
            low = bisect_left(moments, day + offset - midnight)
            high = bisect_left(moments, day + offset + DAY - midnight)
            slots.extend(midnight - offset + moment for moment in moments[low:high])
    return (slots[0], slots[-1]) if slots else None


@cache
def moments_of(rule: Rule) -> list[int]:
    """The seconds of a day at which a rule fires, on a date of its."""
    return [
        hour * HOUR + minute * 60 + second
        for hour in rule.hours
        for minute in rule.minutes
        for second in rule.seconds
    ]


def offset_of_day(zone: ZoneInfo, day: int) -> int:
    return _offset(zone, day)


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())
