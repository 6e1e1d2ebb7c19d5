"""Telling running steps of a cancelled workflow to stop, and what becomes of them then."""

from typing import Final

from spooled_lite.core.breakers.work_limits import work_ended
from spooled_lite.core.jobs.bodies import add_traceback, detail_columns
from spooled_lite.core.jobs.records import NO_DETAIL, ErrorDetail
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.steps.dependents import tell_dependents_later
from spooled_lite.core.steps.item_ends import WORKFLOW_CANCELED, item_ended, producer_ended
from spooled_lite.events import EventType
from spooled_lite.storage.transaction import Tx

CANCELLED_WITH_WORKFLOW: Final = "workflow cancelled"


def request_stop(tx: Tx, workflow_id: str) -> None:
    """Tell the workers that hold running steps of a workflow to stop, each of them once.

    Nothing else changes now: a step can still be completed. Its lease is not renewed any more, and
    any other end of its attempt cancels it (`stop`). The mark is in the row of the job, so the code
    that settles it need not read the workflow, and a restart does not lose it.

    Contract: catbird-capabilities, section 8.6 (drain rule).
    """
    asked = {"workflow_id": workflow_id, "reason": WORKFLOW_CANCELED, "now_ms": tx.now_ms}
    told = tx.rows(statements.REQUEST_STOP, asked)
    for row in sorted(told, key=lambda row: row["step_position"] or 0):
        facts = {"reason": row["stop_reason"]}
        tx.emit("job.stop_requested", row["org"], row=row, was="processing", facts=facts)


def stop(tx: Tx, held: HeldRow, error: str | None = None, detail: ErrorDetail = NO_DETAIL) -> bool:
    """Cancel a held job that was told to stop, with the error it failed with, if it did.

    Returns False and changes nothing if it was not told to stop, or is no longer held under this
    lease.
    """
    row = tx.row(
        statements.STOP,
        {
            "seq": held["seq"],
            "lease_id": held["lease_id"],
            "error": error,
            **detail_columns(detail),
            "now_ms": tx.now_ms,
        },
    )
    if row is None:
        return False
    add_traceback(tx, row, detail.traceback)
    if row["phase"] == "generate":
        row = producer_ended(tx, row)
    facts = {"reason": CANCELLED_WITH_WORKFLOW, "worker_id": held["assigned_worker_id"]}
    is_over = row["status"] == "cancelled"
    told: EventType = "job.cancelled" if is_over else "job.expanded"
    tx.emit(told, row["org"], row=row, was="processing", facts=facts)
    tx.feed((row["org"], row["queue_name"]))  # a queue with a concurrency limit has room now
    if row["tells_breaker"]:
        work_ended(tx, row)
    if row["step_job"] is not None:
        item_ended(tx, row)
    elif is_over:
        tell_dependents_later(tx, row)
    return True
