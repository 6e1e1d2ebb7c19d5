"""Stopping a queue from handing out jobs, and letting it go on."""

import sqlite3

from spooled_lite.core.queues import statements
from spooled_lite.core.queues.ensure import ensure_queue, find_queue
from spooled_lite.core.queues.records import Admission, QueueResumed
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Tx


def pause(
    tx: Tx, org: int, queue_name: str, reason: str | None, admission: Admission
) -> sqlite3.Row:
    """Hand out no more jobs of a queue. Enqueue, settle and renew go on; leases stay.

    A queue that is not there is made. Pausing again replaces the reason and keeps the time.

    Raises:
        QuotaExceeded: the new queue would be one too many.

    Contract: jobs, Q8.
    """
    return set_paused(tx, ensure_queue(tx, org, queue_name, admission), reason=reason)


def resume(tx: Tx, org: int, queue_name: str) -> QueueResumed:
    """Hand out jobs again; claims that wait look at once. A queue that runs is left alone.

    Raises:
        NotFound: there is no such queue.

    Contract: jobs, Q9.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue")
    paused_ms = 0
    if not queue["enabled"]:
        # Wall time may have been set back meanwhile.
        paused_ms = max(0, tx.now_ms - queue["paused_at_ms"])
        set_running(tx, queue)
    return QueueResumed(
        queue_name=queue_name, name=queue_name, paused_duration_secs=paused_ms // 1000
    )


def set_paused(tx: Tx, queue: sqlite3.Row, *, reason: str | None) -> sqlite3.Row:
    row = tx.row(statements.PAUSE, {"queue": queue["seq"], "reason": reason, "now_ms": tx.now_ms})
    assert row is not None, "the queue was found in this operation"
    tx.emit("queue.paused" if queue["enabled"] else "queue.changed", row["org"], row=row)
    return row


def set_running(tx: Tx, queue: sqlite3.Row) -> sqlite3.Row:
    row = tx.row(statements.RESUME, {"queue": queue["seq"], "now_ms": tx.now_ms})
    assert row is not None, "the queue was found in this operation"
    tx.emit("queue.resumed", row["org"], row=row)
    tx.feed((row["org"], row["queue_name"]))
    return row
