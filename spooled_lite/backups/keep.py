"""Which backups are kept: the newest of each of some days, weeks and months."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Self

from msgspec import Struct

from spooled_lite.backups.manifest import Manifest

_TERM: Final = re.compile(r"([1-9][0-9]{0,3})([dwm])")
_NAMES: Final = {"d": "days", "w": "weeks", "m": "months"}
EXPECTED: Final = "a number of days, weeks and months, such as 7d 4w 6m"


class Keep(Struct, frozen=True):
    """How many days, weeks (from Monday) and months keep their newest backup, in UTC."""

    days: int = 0
    weeks: int = 0
    months: int = 0

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Raises ValueError, with what was expected."""
        found: dict[str, int] = {}
        for term in text.split():
            match = _TERM.fullmatch(term)
            if match is None or _NAMES[match[2]] in found:
                raise ValueError(f"expected {EXPECTED}")
            found[_NAMES[match[2]]] = int(match[1])
        if not found:
            raise ValueError(f"expected {EXPECTED}")
        return cls(**found)


def expired(manifests: Iterable[Manifest], keep: Keep, now_ms: int) -> Sequence[Manifest]:
    """Those of one file that need not be kept, the oldest first; never the newest.

    A day, week or month without a backup does not count, so that a server which was off for a year
    keeps what it had. Nor does one of the future count, made before the clock was set back: it
    would take the place of those that are made now.
    """
    newest_first = sorted(
        (each for each in manifests if each.made_at_ms <= now_ms),
        key=lambda each: each.made_at_ms,
        reverse=True,
    )
    kept = {each.name for each in newest_first[:1]}
    for count, period in ((keep.days, "%Y-%m-%d"), (keep.weeks, "%G-%V"), (keep.months, "%Y-%m")):
        newest_of: dict[str, str] = {}
        for each in newest_first:
            newest_of.setdefault(_at(each).strftime(period), each.name)
        kept.update(list(newest_of.values())[:count])
    return [each for each in reversed(newest_first) if each.name not in kept]


def _at(manifest: Manifest) -> datetime:
    return datetime.fromtimestamp(manifest.made_at_ms / 1000, UTC)
