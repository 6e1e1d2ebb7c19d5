"""Mark silent workers offline, and delete them after a week."""

from typing import Final

from spooled_lite.core.jobs.passes import PASS_MAX, Pass, next_pass
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.records import SILENCE_MS
from spooled_lite.storage.transaction import Tx

KEPT_MS: Final = 7 * 24 * 60 * 60 * 1000  # after the last heartbeat


def sweep_silent_workers(tx: Tx) -> Pass:
    """Mark workers offline that sent no heartbeat for SILENCE_MS: at most PASS_MAX, oldest first.

    Draining workers stay as they are. Jobs are not touched: only the end of a lease frees them.

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
    """Before the clock jumps ahead: move heartbeats along, so that the jump makes no worker silent.

    Moves the heartbeats of up to PASS_MAX workers with numbers above `after` by `by_ms`, at most to
    `marked_ms`. Returns the number to go on after; None when all are done.
    """
    wanted = {"after": after, "by_ms": by_ms, "marked_ms": marked_ms, "limit": PASS_MAX}
    moved = tx.values(statements.MOVE_HEARTBEATS, wanted)
    return max(moved) if len(moved) == PASS_MAX else None


def set_back_heartbeats(tx: Tx) -> bool:
    """After the clock was set back: no heartbeat is in the future. Sets up to PASS_MAX to now.

    Returns False when there may be more.
    """
    return tx.execute(statements.SET_BACK, {"now_ms": tx.now_ms, "limit": PASS_MAX}) < PASS_MAX


def forget_old_workers(tx: Tx, org: int) -> int:
    """Delete up to PASS_MAX workers that are offline and silent for KEPT_MS; returns how many.

    Contract: platform, section 5.5.
    """
    return tx.execute(
        statements.FORGET_OLD,
        {"org": org, "before_ms": tx.now_ms - KEPT_MS, "limit": PASS_MAX},
    )
