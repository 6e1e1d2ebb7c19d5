"""The next slots of all schedules together, in the order of time."""

import heapq
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.schedules import cron, statements
from spooled_lite.core.schedules.columns import UpcomingRow
from spooled_lite.core.schedules.query import queue_names_in_scope
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import Reading

SCHEDULES_MAX: Final = 200  # those whose next slots come first


class ComingSlot(Struct, frozen=True):
    """A time at which a schedule fires."""

    at_ms: int
    schedule: UpcomingRow


class Upcoming(Struct, frozen=True):
    slots: list[ComingSlot]  # none is missing between two, but of schedules that gave `each_max`
    has_more: bool


def upcoming_slots(
    tx: Reading,
    org: int,
    scope: Scope,
    *,
    until_ms: int,
    rows_max: int,
    each_max: int | None = None,
    is_late: Callable[[], bool],
) -> Upcoming:
    """The first `rows_max` slots before a time, as the rules are now.

    With `each_max`, a schedule gives so many at most, so that one that fires often does not take
    the place of all others. `is_late` is asked before each slot: it says that the caller's time is
    up. Then, or when there are more schedules than SCHEDULES_MAX, the slots end earlier.
    """
    asked = {
        "org": org,
        "until_ms": until_ms,
        "queue_names": None if scope.is_unrestricted else queue_names_in_scope(tx, org, scope),
        "limit": SCHEDULES_MAX + 1,
    }
    rows = tx.rows(statements.UPCOMING, asked)
    has_more = len(rows) > SCHEDULES_MAX
    if has_more:
        # From its slot on those of schedules that are not looked at would be missing.
        until_ms = rows.pop()["next_run_at_ms"]
    line = [(row["next_run_at_ms"], place) for place, row in enumerate(rows)]
    heapq.heapify(line)
    slots: list[ComingSlot] = []
    # One more than are shown: what is left of one schedule is more.
    left = [rows_max + 1 if each_max is None else each_max] * len(rows)
    while line and line[0][0] < until_ms:
        if len(slots) == rows_max or is_late():
            return Upcoming(slots, True)
        at_ms, place = line[0]
        row = rows[place]
        slots.append(ComingSlot(at_ms, row))
        left[place] -= 1
        later_ms = _slot_after(row, at_ms) if left[place] else None
        if later_ms is None:
            heapq.heappop(line)
        else:
            heapq.heapreplace(line, (later_ms, place))
    return Upcoming(slots, has_more)


def _slot_after(schedule: UpcomingRow, at_ms: int) -> int | None:
    """None also when this host no longer knows the zone: one schedule must not hide the others."""
    try:
        rule, zone = cron.parse(schedule["cron_expression"]), zone_of(schedule["timezone"])
    except RuleBroken:
        return None
    return cron.next_slot(rule, zone, at_ms)
