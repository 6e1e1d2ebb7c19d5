"""Converts times between RFC 3339 on the wire and milliseconds since the epoch inside."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from spooled_lite.errors import WrongShape

_EXPECTED: Final = "a time as in RFC 3339, such as 2026-10-01T09:00:00Z"
# A time without an offset is UTC. Contract: jobs, section 2.2, and amendment 12.
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r" ?(Z|z|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999
_LEAP_SECOND: Final = "60"  # counted as the second after it
# Abbreviations that PHP writes for zones. Those that the zone database knows are found there.
_ABBREVIATIONS: Final = {
    "z": 0, "bst": 1, "west": 1, "cest": 2, "eest": 3, "msk": 3, "ist": 5.5, "jst": 9,
    "edt": -4, "cdt": -5, "mdt": -6, "cst": -6, "pdt": -7, "pst": -8,
}  # fmt: skip


def format_ms(at_ms: int) -> str:
    """A time such as `2026-10-01T09:00:00.123Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def format_optional_ms(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_ms(at_ms)


class PhpDate(Struct):
    """A date object of PHP in JSON: `date` is local time in `timezone`, an offset or a name."""

    date: str
    timezone: str


Time = str | PhpDate  # the forms in which clients send a time


def parse_ms(value: Time, field: str) -> int:
    """Parse a time that a client sent: a text, or the JSON form of a PHP date object.

    Raises:
        WrongShape: it is not a time; the error names `field`.

    Contract: jobs, section 2.2 ("Timestamps in").
    """
    text, zone = (value.date, value.timezone) if isinstance(value, PhpDate) else (value, "Z")
    found = _TIME.fullmatch(text)
    if found is None:
        raise WrongShape.wrong_type(field, _EXPECTED)
    day, minute, second, fraction, offset = found.groups()
    is_leap = second == _LEAP_SECOND
    try:
        naive = datetime.fromisoformat(f"{day}T{minute}:{'59' if is_leap else second}")
        # Converted to UTC here, since an offset can lead out of the years 1 to 9999.
        moment = naive.replace(tzinfo=_zone(offset or zone)).astimezone(UTC)
    except (ValueError, OverflowError, KeyError, OSError) as error:
        raise WrongShape.wrong_type(field, _EXPECTED) from error
    at_ms = (moment - _EPOCH) // _MILLISECOND + int((fraction or "0").ljust(3, "0")[:3])
    if is_leap:
        at_ms += 1000
    if at_ms > LAST_MS:
        raise WrongShape.wrong_type(field, _EXPECTED)
    return at_ms


def parse_optional_ms(value: Time | None, field: str) -> int | None:
    return None if value is None else parse_ms(value, field)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def _zone(name: str) -> timezone | ZoneInfo:
    if name[:1] in ("+", "-"):
        moment = datetime.fromisoformat(f"2000-01-01T00:00:00{name}")
        offset = moment.utcoffset()
        assert offset is not None, "an offset was parsed"
        return timezone(offset)
    hours = _ABBREVIATIONS.get(name.lower())
    return ZoneInfo(name) if hours is None else timezone(timedelta(hours=hours))
