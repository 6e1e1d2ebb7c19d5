"""RFC 3339 on the wire, milliseconds since the epoch inside."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from spooled_lite.errors import WrongShape

_EXPECTED: Final = "a time as in RFC 3339, such as 2026-10-01T09:00:00Z"
# Also without seconds and without an offset, which then is UTC: contract jobs, section 2.2.
_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?\s?(Z|z|[+-]\d{2}:?\d{2})?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# What PHP calls a zone of type 2; those that the zone database knows are looked up there.
_ABBREVIATIONS: Final = {
    "z": 0, "bst": 1, "west": 1, "cest": 2, "eest": 3, "msk": 3, "ist": 5.5, "jst": 9,
    "edt": -4, "cdt": -5, "mdt": -6, "cst": -6, "pdt": -7, "pst": -8,
}  # fmt: skip


def format_ms(at_ms: int) -> str:
    """`2026-10-01T09:00:00.123Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def format_optional_ms(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_ms(at_ms)


def parse_ms(value: Any, field: str) -> int:
    """A time as clients send it: a text, or the JSON form of a PHP date object.

    Raises:
        WrongShape: it is neither; the error names `field`.

    Contract: jobs, section 2.2 ("Timestamps in").
    """
    if isinstance(value, dict):
        value = _from_php(value, field)
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise WrongShape.wrong_type(field, _EXPECTED)
    day, clock, fraction, offset = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{(offset or '+00:00').upper()}")
        # As UTC: an offset can lead out of the years that can be written down.
        whole_ms = (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise WrongShape.wrong_type(field, _EXPECTED) from error
    return whole_ms + int((fraction or "0").ljust(3, "0")[:3])


def parse_optional_ms(value: Any, field: str) -> int | None:
    return None if value is None else parse_ms(value, field)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def _from_php(value: dict[str, Any], field: str) -> str:
    """`{date: "2026-10-01 09:00:00.000000", timezone_type: 1..3, timezone: "+02:00"}`."""
    date, zone = value.get("date"), value.get("timezone")
    if not isinstance(date, str) or not isinstance(zone, str):
        raise WrongShape.wrong_type(field, _EXPECTED)
    try:
        naive = datetime.fromisoformat(date)
        return naive.replace(tzinfo=_zone(zone)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError, KeyError, OSError) as error:
        raise WrongShape.wrong_type(field, _EXPECTED) from error


def _zone(name: str) -> timezone | ZoneInfo:
    if name[:1] in ("+", "-"):
        moment = datetime.fromisoformat(f"2000-01-01T00:00:00{name}")
        offset = moment.utcoffset()
        assert offset is not None, "an offset was parsed"
        return timezone(offset)
    hours = _ABBREVIATIONS.get(name.lower())
    return ZoneInfo(name) if hours is None else timezone(timedelta(hours=hours))
