"""How long, as callers say it: `7d`, `1h30m`, `250ms`, `P1DT2H`, or milliseconds."""

import re
from typing import Final

from spooled_lite.errors import BadRequest

# A year has as many days as a calendar says, and a month too: neither is a length.
_UNITS_MS: Final = {
    "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
}  # fmt: skip
_NUMBER: Final = r"(?:[0-9]{1,15}(?:\.[0-9]{1,9})?)"
_PART: Final = re.compile(rf"({_NUMBER})(ms|s|m|h|d|w)")
_SHORT: Final = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d|w))+")
_ISO: Final = re.compile(
    rf"P(?:({_NUMBER})W)?(?:({_NUMBER})D)?(?:T(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?"
)
_ISO_UNITS: Final = ("w", "d", "h", "m", "s")
CHARS_MAX: Final = 100

Duration = str | int


class BadDuration(BadRequest):
    """A length of time that nobody can read."""

    def __init__(self, field: str) -> None:
        super().__init__(
            f"Field `{field}` must be a duration such as `7d`, `36h`, `90s`, `250ms` or `P1DT2H`,"
            " or whole milliseconds, and not negative",
            details={"reason": "bad_duration", "field": field},
        )


def parse_duration_ms(value: Duration, field: str) -> int:
    """Raises BadDuration: it is none, or negative."""
    if isinstance(value, int):
        if value < 0:
            raise BadDuration(field)
        return value
    text = value.strip()[: CHARS_MAX + 1]
    if len(text) <= CHARS_MAX:
        if _SHORT.fullmatch(text):
            return round(sum(float(n) * _UNITS_MS[unit] for n, unit in _PART.findall(text)))
        found = _ISO.fullmatch(text)
        if found is not None and any(found.groups()) and not text.endswith("T"):
            parts = zip(found.groups(), _ISO_UNITS, strict=True)
            return round(sum(float(n) * _UNITS_MS[unit] for n, unit in parts if n))
    raise BadDuration(field)
