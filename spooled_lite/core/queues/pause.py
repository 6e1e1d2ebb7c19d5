"""Pause a queue, so that it hands out no jobs, and resume it."""

from spooled_lite.core.queues import statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import ensure_queue, find_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Tx


def pause(tx: Tx, org: int, queue_name: str, reason: str | None, admission: Admission) -> QueueRow:
    """Hand out no more jobs of a queue. Jobs can still be enqueued, settled and renewed.

    A queue that does not exist is created. Pausing again replaces the reason and keeps the time.

    Raises:
        QuotaExceeded: the new queue would be one too many.

    Contract: jobs, Q8.
    """
    return set_paused(tx, ensure_queue(tx, org, queue_name, admission), reason=reason)


def resume(tx: Tx, org: int, queue_name: str) -> int:
    """Hand out jobs again; waiting claims look at once. A queue that is not paused stays as it is.

    Returns how many seconds it was paused.

    Raises:
        NotFound: there is no such queue.

    Contract: jobs, Q9.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue")
    paused_seconds = 0
    if not queue["enabled"]:
        paused_seconds = _paused_seconds(tx, queue)
        set_running(tx, queue)
    return paused_seconds


def set_paused(tx: Tx, queue: QueueRow, *, reason: str | None) -> QueueRow:
    row = tx.row(statements.PAUSE, {"queue": queue["seq"], "reason": reason, "now_ms": tx.now_ms})
    assert row is not None, "the queue was found in this operation"
    tx.emit("queue.paused" if queue["enabled"] else "queue.changed", row["org"], row=row)
    return row


def set_running(tx: Tx, queue: QueueRow) -> QueueRow:
    row = tx.row(statements.RESUME, {"queue": queue["seq"], "now_ms": tx.now_ms})
    assert row is not None, "the queue was found in this operation"
    facts = {"paused_duration_secs": _paused_seconds(tx, queue)}
    tx.emit("queue.resumed", row["org"], row=row, facts=facts)
    tx.feed((row["org"], row["queue_name"]))
    return row


def _paused_seconds(tx: Tx, queue: QueueRow) -> int:
    """How long a queue has been paused; 0 when the clock was set back meanwhile."""
    paused_at_ms = queue["paused_at_ms"]
    assert paused_at_ms is not None, "a paused queue knows since when"
    return max(0, tx.now_ms - paused_at_ms) // 1000
