"""After the clock was set back, the next slots of schedules are calculated again."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.schedules import cron, statements
from spooled_lite.core.schedules.columns import AheadRow
from spooled_lite.core.schedules.define import announce_slot
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import Reading, Tx

READ_MAX: Final = 500  # schedules looked at together


class NextSlot(Struct, frozen=True):
    schedule: int
    was_next_run_at_ms: int | None
    next_run_at_ms: int


class Ahead(Struct, frozen=True):
    """A page of active schedules whose next slot is still to come."""

    rows: Sequence[AheadRow]
    now_ms: int
    after: int | None  # where the next page begins; None: this is the last one


def find_ahead(tx: Reading, after: int) -> Ahead:
    wanted = {"now_ms": tx.now_ms, "after": after, "limit": READ_MAX}
    rows = tx.rows(statements.AHEAD, wanted)
    return Ahead(rows, tx.now_ms, rows[-1]["seq"] if len(rows) == READ_MAX else None)


def decide_anew(ahead: Ahead) -> list[NextSlot]:
    """The earlier next slot of each schedule that would otherwise fire too late.

    The slot is after now and after the last slot that fired, which never fires again, even if its
    time by the new clock is still to come. Not for the writing thread: calculating can be slow.

    Contract: amendments, on a clock that is set.
    """
    anew: list[NextSlot] = []
    for row in ahead.rows:
        try:
            rule, zone = cron.parse(row["cron_expression"]), zone_of(row["timezone"])
        except RuleBroken:
            continue  # this machine lacks its time zone; it has ended, or will when it is due
        was = row["next_run_at_ms"]
        following = cron.next_slot(rule, zone, max(ahead.now_ms, row["last_slot_ms"] or 0))
        if following is not None and (was is None or following < was):
            anew.append(NextSlot(row["seq"], was, following))
    return anew


def set_back_slots(tx: Tx, anew: Sequence[NextSlot]) -> None:
    """Store the slots. A schedule that has changed meanwhile is skipped."""
    for each in anew:
        row = tx.row(
            statements.SET_BACK,
            {
                "seq": each.schedule,
                "was_next_run_at_ms": each.was_next_run_at_ms,
                "next_run_at_ms": each.next_run_at_ms,
            },
        )
        if row is not None:
            announce_slot(tx, row)
