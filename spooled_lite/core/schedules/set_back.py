"""After the clock was set back: the next slots of schedules, worked out anew."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.schedules import cron, statements
from spooled_lite.core.schedules.define import announce_slot
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.errors import RuleBroken
from spooled_lite.events import Row
from spooled_lite.storage.transaction import Reading, Tx

READ_MAX: Final = 500  # schedules looked at together


class NextSlot(Struct, frozen=True):
    schedule: int
    was_next_run_at_ms: int | None
    next_run_at_ms: int


class Ahead(Struct, frozen=True):
    """Schedules whose next slot is still to come, and the one to go on after; None: no more."""

    rows: Sequence[Row]
    now_ms: int
    after: int | None


def find_ahead(tx: Reading, after: int) -> Ahead:
    wanted = {"now_ms": tx.now_ms, "after": after, "limit": READ_MAX}
    rows = tx.rows(statements.AHEAD, wanted)
    return Ahead(rows, tx.now_ms, rows[-1]["seq"] if len(rows) == READ_MAX else None)


def decide_anew(ahead: Ahead) -> list[NextSlot]:
    """Of these schedules, those that would wait longer than for their next slot, and that slot.

    It comes after now and after the slot that fired last: that one does not fire again, also when
    it fired at a time that is still to come. Not for the writing thread: it takes its time.

    Contract: amendments, on a clock that is set.
    """
    anew: list[NextSlot] = []
    for row in ahead.rows:
        try:
            rule, zone = cron.parse(row["cron_expression"]), zone_of(row["timezone"])
        except RuleBroken:
            continue  # the zones of this machine are others; it has ended, or will when it is due
        was = row["next_run_at_ms"]
        following = cron.next_slot(rule, zone, max(ahead.now_ms, row["last_slot_ms"] or 0))
        if following is not None and (was is None or following < was):
            anew.append(NextSlot(row["seq"], was, following))
    return anew


def set_back_slots(tx: Tx, anew: Sequence[NextSlot]) -> None:
    """Write the slots down. A schedule that has changed meanwhile is left alone."""
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
