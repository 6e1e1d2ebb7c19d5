"""Decides which slots of a due schedule fire, and which slot is next.

Not for the writing thread: calculating slots can be slow. Contract: schedules, section 1.6.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.passes import PASS_BYTES_MAX
from spooled_lite.core.schedules import cron
from spooled_lite.core.schedules.columns import DueScheduleRow
from spooled_lite.core.schedules.cron import Cron
from spooled_lite.core.schedules.zones import Zone, zone_of
from spooled_lite.errors import RuleBroken

CAUGHT_UP_PER_PASS: Final = 32  # missed slots of one schedule that fire together
CAUGHT_UP_MAX: Final = 1_000  # missed slots that one schedule catches up on; the rest are skipped
# Skipped slots that are counted for all schedules of one call. After months without a server there
# may be millions of them, and each takes some 50 µs to find.
MISSED_COUNTED_MAX: Final = 1_000
_SLOT_MS: Final = 1_000  # no two slots of a schedule are closer


class Firing(Struct, frozen=True, kw_only=True):
    """The slots of one schedule that fire now, and the values this was decided from."""

    schedule: int
    was_next_run_at_ms: int
    cron_expression: str
    timezone: str
    catch_up: str
    slots: Sequence[int]
    next_run_at_ms: int | None
    caught_up: int = 0
    problem: str | None = None  # why the slots can create no job
    size_bytes: int = 0  # of each job that it creates
    missed: int = 0  # slots that have come and that nothing is created for, as far as counted


def decide(due: Sequence[DueScheduleRow], now_ms: int) -> list[Firing]:
    """For each of these schedules, whose next slot has come: what fires now, and what is next."""
    firings: list[Firing] = []
    left = MISSED_COUNTED_MAX
    for row in due:
        firings.append(_firing(row, now_ms, left))
        left -= firings[-1].missed
    return firings


def _firing(row: DueScheduleRow, now_ms: int, counted_max: int) -> Firing:
    first, caught_up, problem, missed = row["next_run_at_ms"], 0, None, 0
    slots: Sequence[int] = (first,)
    next_run_at_ms = None
    try:
        rule, zone = cron.parse(row["cron_expression"]), zone_of(row["timezone"])
    except RuleBroken as error:
        # It was valid when it was stored, so this machine lacks its time zone. The schedule ends
        # here, and its history says why.
        problem = error.message
    else:
        if row["catch_up"] == "all":
            count_max = max(1, min(CAUGHT_UP_PER_PASS, PASS_BYTES_MAX // (row["size_bytes"] or 1)))
            slots, next_run_at_ms, caught_up = _all(
                rule, zone, first, now_ms, row["caught_up"], count_max
            )
        else:
            next_run_at_ms = cron.next_slot(rule, zone, now_ms)
            if row["catch_up"] == "skip":
                is_late = now_ms - first > row["misfire_grace_seconds"] * 1000
                is_only = cron.next_slot(rule, zone, first) == next_run_at_ms
                slots = (first,) if is_only and not is_late else ()
        if next_run_at_ms is None or next_run_at_ms > now_ms:
            missed = int(not slots)
            missed += _count(rule, zone, slots[-1] if slots else first, now_ms, counted_max)
    return Firing(
        schedule=row["seq"],
        was_next_run_at_ms=first,
        cron_expression=row["cron_expression"],
        timezone=row["timezone"],
        catch_up=row["catch_up"],
        slots=slots,
        next_run_at_ms=next_run_at_ms,
        caught_up=caught_up,
        problem=problem,
        size_bytes=row["size_bytes"],
        missed=missed,
    )


def _count(rule: Cron, zone: Zone, after: int, now_ms: int, counted_max: int) -> int:
    """How many slots there are after one moment up to another, at most `counted_max`."""
    count, slot = 0, after
    while now_ms - slot >= _SLOT_MS and count < counted_max:
        following = cron.next_slot(rule, zone, slot)
        if following is None or following > now_ms:
            break
        count, slot = count + 1, following
    return count


def _all(
    rule: Cron, zone: Zone, first: int, now_ms: int, caught_up: int, count_max: int
) -> tuple[list[int], int | None, int]:
    """The slots to fire in order, the next slot, and how many were caught up on if more are due."""
    slots: list[int] = []
    slot: int | None = first
    count_max = min(count_max, CAUGHT_UP_MAX - caught_up)
    while slot is not None and slot <= now_ms and len(slots) < count_max:
        slots.append(slot)
        slot = cron.next_slot(rule, zone, slot)
    if slot is None or slot > now_ms:
        return slots, slot, 0
    if caught_up + len(slots) >= CAUGHT_UP_MAX:
        return slots, cron.next_slot(rule, zone, now_ms), 0
    return slots, slot, caught_up + len(slots)
