"""Cron expressions: checks them and calculates their next slots."""

import re
from bisect import bisect_left
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from croniter import CroniterBadDateError, croniter
from msgspec import Struct

from spooled_lite.core.schedules.zones import Zone
from spooled_lite.errors import RuleBroken

EXPRESSION_LENGTH_MAX: Final = 100
HORIZON_YEARS: Final = 9  # from one slot to the next; 29 February can be 8 years away

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = {
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6,
    "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
_WEEKDAYS: Final = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
_DAYS_MAX: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EVERY: Final = ("*", "?")
_EVERY_HOUR: Final = re.compile(r"\*|\?|\*/[0-9]+")
_MEMBER: Final = re.compile(
    r"(?:\*|(?P<low>[0-9]+|[A-Za-z]{3})(?:-(?P<high>[0-9]+|[A-Za-z]{3}))?)(?:/(?P<step>[0-9]+))?"
)
# The search ends here, before the last year that a `datetime` can hold.
_LAST_SECOND: Final = int(datetime(9980, 1, 1, tzinfo=UTC).timestamp())
_SECOND: Final = timedelta(seconds=1)


class Cron(Struct, frozen=True):
    """A checked expression; `parse` makes it."""

    expression: str  # as it was given
    pattern: str | None  # six fields with every value spelled out; None when no date can match
    every_hour: bool  # the hour field is `*` or `*/n`: decides what happens at clock changes


class _Field(Struct, frozen=True):
    name: str
    low: int
    high: int
    size: int  # how many different values there are
    names: Mapping[str, int] = {}


_FIELDS: Final = (
    _Field("second", 0, 59, 60),
    _Field("minute", 0, 59, 60),
    _Field("hour", 0, 23, 24),
    _Field("day of month", 1, 31, 31),
    _Field("month", 1, 12, 12, _MONTHS),
    _Field("day of week", 0, 7, 7, _WEEKDAYS),
)
_HOUR, _DAY, _MONTH, _WEEKDAY = 2, 3, 4, 5  # positions in _FIELDS


@lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """Check an expression of 5 or 6 fields, or a macro such as `@daily`.

    If both day fields are restricted (anything but `*` or `?`), a date matches when either field
    matches. `a/n` runs to the end of its field; for days of the week that is 7, Sunday. A range of
    weekdays may run over the end of the week (`FRI-MON`). `*` and `?` must stand alone; `*/n` may
    be in a list.

    Raises:
        RuleBroken: the expression is invalid; the error says which field and why.

    Contract: schedules, section 1.4.
    """
    texts = _texts(expression)
    values = [_values(field, text) for field, text in zip(_FIELDS, texts, strict=True)]
    values[_WEEKDAY] = {each % 7 for each in values[_WEEKDAY]}
    either = texts[_DAY] not in _EVERY and texts[_WEEKDAY] not in _EVERY
    spelled = [_spelled(field, each) for field, each in zip(_FIELDS, values, strict=True)]
    if either and "*" in (spelled[_DAY], spelled[_WEEKDAY]):
        # One field allows every date, so every date matches. croniter would read it as unrestricted
        # and go by the other field alone.
        spelled[_DAY] = spelled[_WEEKDAY] = "*"
    earliest = min(values[_DAY])
    possible = any(earliest <= _DAYS_MAX[month - 1] for month in values[_MONTH])
    if either and not possible:
        # Only the weekdays can match. croniter would give up at the impossible day of the month.
        spelled[_DAY] = "*"
    return Cron(
        expression=expression,
        pattern=" ".join(spelled) if possible or either else None,
        every_hour=_EVERY_HOUR.fullmatch(texts[_HOUR]) is not None,
    )


def next_slots(cron: Cron, zone: Zone, after_ms: int, count: int) -> list[int]:
    """The next `count` slots strictly after an instant, earliest first.

    Fewer if a slot would be more than HORIZON_YEARS after the one before it: the search ends there.
    """
    slots: list[int] = []
    while len(slots) < count and (slot := next_slot(cron, zone, after_ms)) is not None:
        slots.append(slot)
        after_ms = slot
    return slots


def next_slot(cron: Cron, zone: Zone, after_ms: int) -> int | None:
    """The next slot strictly after an instant, or None when there is none within HORIZON_YEARS.

    Contract: schedules, section 1.5.
    """
    slot = _next_slot(cron, zone, after_ms // 1000)
    return None if slot is None else slot * 1000


# Schedules with the same rule that fire together ask for the same slot.
@lru_cache(maxsize=1024)
def _next_slot(cron: Cron, zone: Zone, after: int) -> int | None:
    if cron.pattern is None or after > _LAST_SECOND:
        return None
    slot = (_in_every_pass if cron.every_hour else _once)(cron.pattern, zone, after)
    assert slot is None or slot > after, "a slot is strictly after the instant asked for"
    return slot


def _once(pattern: str, zone: Zone, after: int) -> int | None:
    """The next slot of a rule with fixed hours.

    A wall time that the clock skips runs at the jump; a repeated one runs the first time only.
    """
    here = datetime.fromtimestamp(after, zone)
    wall = here.replace(tzinfo=None, fold=0)
    if here.fold:
        # In the second pass of a repeated hour, all of which has run in the first: go on after it.
        first, second = _instants(wall, zone)
        wall += timedelta(seconds=_change(zone, first, second) - first - 1)
    found = _next_wall(pattern, wall)
    if found is None:
        return None
    first, second = _instants(found, zone)
    return first if first <= second else _change(zone, second, first)


def _in_every_pass(pattern: str, zone: Zone, after: int) -> int | None:
    """The next slot of a rule that runs every hour or every n hours.

    A wall time that the clock skips does not run; a repeated one runs twice.
    """
    here = datetime.fromtimestamp(after, zone)
    wall = here.replace(tzinfo=None, fold=0)
    first, second = _instants(wall, zone)
    if after == first < second:
        # In the first pass of a repeated hour: wall times up to this one come again.
        change = _change(zone, first, second)
        later = _next_wall(pattern, wall)
        if later is not None and (slot := after + (later - wall) // _SECOND) < change:
            return slot
        after = change - 1
        wall -= timedelta(seconds=second - change + 1)
    while (later := _next_wall(pattern, wall)) is not None:
        first, second = _instants(later, zone)
        if first <= second:
            return first if first > after else second
        # A skipped wall time: go on where the gap ends, that moment included.
        wall = later + timedelta(seconds=_change(zone, second, first) - second - 1)
    return None


def _next_wall(pattern: str, wall: datetime) -> datetime | None:
    walk = copy(_walk(pattern))  # a croniter has a position, and other threads use it too
    walk.set_current(wall)
    try:
        found: datetime = walk.get_next(datetime)
    except CroniterBadDateError:
        return None
    return found


@lru_cache(maxsize=1024)
def _walk(pattern: str) -> croniter:
    return croniter(pattern, 0, second_at_beginning=True, max_years_between_matches=HORIZON_YEARS)


def _instants(wall: datetime, zone: Zone) -> tuple[int, int]:
    """The instants of a wall time by the offset before, and after, a change of the clock near it.

    Equal: there is no change. First before second: the wall time is repeated. Second before first:
    it is skipped.
    """
    before, after = wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)
    return int(before.timestamp()), int(after.timestamp())


def _change(zone: Zone, low: int, high: int) -> int:
    """The first instant after `low` with another offset; `high` at the latest."""

    def changed(instant: int) -> bool:
        return datetime.fromtimestamp(instant, zone).utcoffset() != before

    before = datetime.fromtimestamp(low, zone).utcoffset()
    return low + 1 + bisect_left(range(low + 1, high), True, key=changed)


def _texts(expression: str) -> list[str]:
    """The six fields as they are written."""
    if len(expression) > EXPRESSION_LENGTH_MAX:
        raise _invalid(
            f"{len(expression)} characters, at most {EXPRESSION_LENGTH_MAX} are allowed", "length"
        )
    texts = expression.split()
    if not texts:
        raise _invalid("it is empty", "length")
    if texts[0].startswith("@"):
        macro = _MACROS.get(expression.strip().lower())
        if macro is None:
            raise _invalid(f"unknown macro; the macros are {', '.join(_MACROS)}")
        texts = macro.split()
    if len(texts) not in (5, 6):
        raise _invalid(f"5 or 6 fields are needed, this has {len(texts)}")
    return texts if len(texts) == 6 else ["0", *texts]


def _values(field: _Field, text: str) -> set[int]:
    if text in _EVERY:
        return set(range(field.low, field.high + 1))
    return {value for member in text.split(",") for value in _member(field, member)}


def _member(field: _Field, text: str) -> range:
    """One value, range or stepped range."""
    if text in _EVERY:
        raise _wrong(field, text, "stands alone, not in a list")
    found = _MEMBER.fullmatch(text)
    if found is None:
        raise _wrong(field, text, "not a value, a range or a step" if text else "an empty value")
    low, high = field.low, field.high
    if found["low"] is not None:
        low = _number(field, found["low"])
        if found["high"] is not None:
            high = _number(field, found["high"])
        elif found["step"] is None:
            high = low
    if low > high:
        if field.names is not _WEEKDAYS:
            raise _wrong(field, text, "the range runs backwards")
        high += 7  # over the end of the week; `parse` counts days from Sunday again
    step = int(found["step"] or "1")
    if not 1 <= step <= field.high:
        raise _wrong(field, text, f"a step is from 1 to {field.high}")
    return range(low, high + 1, step)


def _number(field: _Field, text: str) -> int:
    number = int(text) if text.isdigit() else field.names.get(text.upper())
    if number is None:
        raise _wrong(field, text, "not a number or a name of this field")
    if not field.low <= number <= field.high:
        raise _wrong(field, text, f"from {field.low} to {field.high}")
    return number


def _spelled(field: _Field, values: set[int]) -> str:
    return "*" if len(values) == field.size else ",".join(map(str, sorted(values)))


def _wrong(field: _Field, text: str, why: str) -> RuleBroken:
    return _invalid(f"{field.name} `{text}`: {why}")


def _invalid(why: str, code: str = "invalid_value") -> RuleBroken:
    return RuleBroken.of("cron_expression", f"Invalid cron expression: {why}", code)
