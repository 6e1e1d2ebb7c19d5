"""Time zones by name: those of the zone database, and fixed offsets."""

import re
from datetime import timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from spooled_lite.errors import RuleBroken

Zone = ZoneInfo | timezone

_OFFSET: Final = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
# This also keeps a name from pointing outside the zone database.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,3}", re.ASCII)
# Many hosts also keep copies of the zones that count leap seconds, and names for their own zone.
_NOT_IANA: Final = ("right/", "posix/", "posixrules", "localtime")


@lru_cache(maxsize=1024)
def zone_of(name: str) -> Zone:
    """The zone of an IANA name (such as `UTC`, `GMT`, `Etc/GMT+5`) or of an offset (`+05:30`).

    Names are spelled as the zone database spells them: `europe/berlin` is refused.

    Raises:
        RuleBroken: no such zone on this host; the error names the field `timezone`.

    Contract: schedules, section 1.5.
    """
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-distance if sign == "-" else distance)
    if _NAME.fullmatch(name) and not name.startswith(_NOT_IANA):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError):  # no such file, a folder, a file that is no zone
            pass
    raise RuleBroken.of(
        "timezone",
        "Unknown time zone (`timezone`): give an IANA name like America/New_York or an offset"
        " like +05:30",
        "invalid_value",
    )
