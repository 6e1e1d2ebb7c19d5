"""Create a queue or change its settings."""

from msgspec import Struct

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.queues import statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import ensure_queue, find_queue
from spooled_lite.core.queues.pause import set_paused, set_running
from spooled_lite.core.queues.records import Admission, QueueChanges
from spooled_lite.errors import RuleBroken
from spooled_lite.events import Deadline
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


class Configured(Struct, frozen=True):
    row: QueueRow
    created: bool


@in_lane(Lane.CREATE)
def create_queue(
    tx: Tx, org: int, queue_name: str, changes: QueueChanges, admission: Admission
) -> Configured:
    """As `configure`, in the lane of creates: refused when the disk is nearly full."""
    return configure(tx, org, queue_name, changes, admission)


def configure(
    tx: Tx, org: int, queue_name: str, changes: QueueChanges, admission: Admission
) -> Configured:
    """Change the settings of a queue. A queue that does not exist is created, with defaults.

    A column that `changes` does not name keeps its value. `enabled` pauses or resumes the queue.
    Jobs that are already stored keep the values they were stored with. Waiting claims look again.

    When its time has come, an expiring queue is deleted with all that it has.

    Raises:
        QuotaExceeded: the new queue would be one too many.
        RuleBroken: it is to expire at a time that has come already.

    Contract: jobs, Q2, Q4, Q5 and Q11; catbird-capabilities, Q1.
    """
    changes = _with_expiry(tx, changes)
    known = find_queue(tx, org, queue_name)
    row = known or ensure_queue(tx, org, queue_name, admission)
    if changes.columns:
        row = _set_columns(tx, org, row, changes)
    if changes.enabled is False and row["enabled"]:
        row = set_paused(tx, row, reason=None)
    elif changes.enabled and not row["enabled"]:
        row = set_running(tx, row)
    return Configured(row, created=known is None)


def _with_expiry(tx: Tx, changes: QueueChanges) -> QueueChanges:
    columns = dict(changes.columns)
    if changes.expires_in_ms is not None:
        columns["expires_at_ms"] = tx.now_ms + changes.expires_in_ms
    expires_at_ms = columns.get("expires_at_ms")
    if expires_at_ms is not None and expires_at_ms <= tx.now_ms:
        raise RuleBroken.of(
            "expires_at", "Field `expires_at` must be later than now", "invalid_value"
        )
    return QueueChanges(columns, changes.enabled)


def _set_columns(tx: Tx, org: int, queue: QueueRow, changes: QueueChanges) -> QueueRow:
    values = {**queue, **changes.columns, "queue": queue["seq"], "now_ms": tx.now_ms}
    row = tx.row(statements.CONFIGURE, values)
    assert row is not None, "the queue was found in this operation"
    if row["circuit_breaker"] != queue["circuit_breaker"]:
        # Another breaker begins closed.
        tx.execute(breaker_statements.CLOSE, {"scope": "queue", "target": queue["seq"]})
    tx.emit("queue.changed", org, row=row)
    if row["expires_at_ms"] is not None:
        tx.due(Deadline.DELETION, row["expires_at_ms"])
    if row["enabled"]:
        # A limit may have been raised.
        tx.feed((org, row["queue_name"]))
    return row
