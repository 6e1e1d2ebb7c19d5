"""Workers of whom nothing is heard: marked offline, and forgotten after a week."""

from typing import Final

from spooled_lite.core.jobs.passes import PASS_MAX, Pass, next_pass
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.records import SILENCE_MS
from spooled_lite.storage.transaction import Tx

KEPT_MS: Final = 7 * 24 * 60 * 60 * 1000  # after the last sign of life


def sweep_silent_workers(tx: Tx) -> Pass:
    """Mark workers offline that were silent for SILENCE_MS, at most PASS_MAX, longest first.

    Draining ones are left alone. Jobs are not touched: they are freed by their lease alone.

    Contract: jobs, section 12.3.
    """
    silent = tx.rows(
        statements.MARK_SILENT,
        {
            "silent_since_ms": tx.now_ms - SILENCE_MS,
            "limit": PASS_MAX,
            "now_ms": tx.now_ms,
        },
    )
    for row in silent:
        tx.emit("worker.offline", row["org"], row=row)
    return next_pass(tx, len(silent), statements.NEXT_SILENCE, found=len(silent))


def keep_heartbeats(tx: Tx, by_ms: int, marked_ms: int, after: int) -> int | None:
    """Before the clock jumps ahead to `marked_ms`: let nobody fall silent by the jump alone.

    Moves PASS_MAX workers with a higher number than `after`; which to go on after, None at the end.
    """
    wanted = {"after": after, "by_ms": by_ms, "marked_ms": marked_ms, "limit": PASS_MAX}
    moved = tx.values(statements.MOVE_HEARTBEATS, wanted)
    return max(moved) if len(moved) == PASS_MAX else None


def set_back_heartbeats(tx: Tx) -> bool:
    """After the clock was set back: count silence from now on at the latest.

    False: there may be more than the PASS_MAX of one call.
    """
    return tx.execute(statements.SET_BACK, {"now_ms": tx.now_ms, "limit": PASS_MAX}) < PASS_MAX


def forget_old_workers(tx: Tx, org: int) -> int:
    """Delete offline workers that were not heard of for KEPT_MS, at most PASS_MAX; how many.

    Contract: platform, section 5.5.
    """
    return tx.execute(
        statements.FORGET_OLD,
        {"org": org, "before_ms": tx.now_ms - KEPT_MS, "limit": PASS_MAX},
    )
