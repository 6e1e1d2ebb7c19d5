"""What follows when an item ends: the next ones are released, or its step ends with it.

Each item is counted once, where its status changes. Contract: catbird-capabilities, F32-F38.
"""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.error_groups import key_for
from spooled_lite.core.steps import item_statements as statements
from spooled_lite.core.steps.dependents import tell_dependents
from spooled_lite.core.steps.fail_fast import WORKFLOW_FAILED
from spooled_lite.core.steps.item_statements import ItemsRow, LostItemRow
from spooled_lite.core.steps.items import FAILED_WITH_STEP, Closing, close_open, fill_up, keep
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.storage.transaction import Tx

# Workers read this word in `details.reason`: contract catbird-capabilities, section 19.3.
WORKFLOW_CANCELED: Final = "workflow_canceled"
ITEM_CANCELLED: Final = "An item was cancelled"
ITEM_DELETED: Final = "An item was deleted with its queue"
_NULL_BYTES: Final = 4  # of the output of an item that has none


def item_ended(tx: Tx, item: JobRow) -> None:
    """An item has been completed, has failed for good, or was cancelled alone.

    With the last one its step ends. One that has failed fails its step and closes all others.
    """
    is_completed = item["status"] == "completed"
    size = 0
    if is_completed:
        size = item["result_bytes"] or _NULL_BYTES
        size = size if item["result"] is None else len(item["result"])
    asked = {
        "step": item["step_job"],
        "was_open": item["dependencies_met"],
        "has_failed": int(not is_completed),
        "output_bytes": size,
    }
    items = tx.row(statements.ITEM_ENDED, asked)
    if items is None:
        return  # its step was deleted
    if item["status"] == "deadletter":
        fail_step(tx, items, item["last_error"] or "", item["error_type"])
    else:
        fill_up(tx, items)
    if not items["items_open"]:
        settle_step(tx, items["job"])


def item_lost(tx: Tx, item: LostItemRow) -> None:
    """An item that had not ended was deleted, with its queue: its step cannot give all that it
    should. One that was cancelled meanwhile ends with the last item that is open."""
    was_open = item["dependencies_met"]
    asked = {"step": item["step_job"], "was_open": was_open, "has_failed": 1, "output_bytes": 0}
    items = tx.row(statements.ITEM_ENDED, asked)
    if items is not None:
        fail_step(tx, items, ITEM_DELETED)
        settle_step(tx, items["job"])


def producer_ended(tx: Tx, step: JobRow) -> JobRow:
    """The producer of a generator was completed, or stopped with its workflow: the step as it is
    now. While items of it are open it is being processed, by no worker.

    The caller announces it, and calls `settle_step`.
    """
    items = tx.row(statements.STANDING, {"step": step["seq"]})
    if items is None:
        return step
    keep(tx, items, is_produced=1, items_total=items["items_stored"])
    is_through = not items["items_open"] and items["items_released"] >= items["items_stored"]
    if step["status"] == "completed" and is_through and not items["items_failed"]:
        row = tx.row(statements.WITHOUT_RESULT, {"step": step["seq"]})
    elif step["status"] == "completed" or items["items_open"]:
        # Of a cancelled workflow some may be cancelled; others may be gone with their queue.
        reason = WORKFLOW_CANCELED if is_cancelled(tx, step["workflow_id"]) else None
        asked = {"step": step["seq"], "reason": reason, "now_ms": tx.now_ms}
        row = tx.row(statements.EXPAND_PRODUCER, asked)
    else:
        return step
    assert row is not None, "it was settled in this operation"
    return row


def settle_step(tx: Tx, number: int) -> None:
    """End a step of which no item is open, if none is left at all or its workflow was cancelled."""
    items = tx.row(statements.STANDING, {"step": number})
    if items is None or items["items_open"]:
        return
    step = tx.row(statements.STEP, {"step": number})
    if step is None or step["state"] != "waiting_for_map_tasks":
        return  # it has ended, or its producer is at work
    is_through = items["is_produced"] and items["items_released"] >= items["items_stored"]
    if is_through and not items["items_failed"]:
        _complete(tx, items)
    elif step["stop_reason"] is not None:
        _cancel(tx, number)
    elif is_through:
        fail_step(tx, items, ITEM_CANCELLED)


def fail_step(tx: Tx, items: ItemsRow, error: str, error_type: str | None = None) -> None:
    """A step fails because of an item, or of what it was to be made from; with it all its items.

    A worker that has its producer is refused from now on. Of a cancelled workflow the others go on
    to their end.
    """
    before = tx.row(statements.STEP, {"step": items["job"]})
    if before is None or before["stop_reason"] is not None:
        return
    if is_cancelled(tx, before["workflow_id"]):
        return
    asked = {
        "step": items["job"],
        "error": error,
        "error_key": key_for(tx, before["queue"], error),
        "error_type": error_type,
        "reason": WORKFLOW_FAILED,
        "now_ms": tx.now_ms,
    }
    row = tx.row(statements.FAIL_STEP, asked)
    if row is None:
        return  # it has ended
    facts = {"worker_id": before["assigned_worker_id"], "reason": WORKFLOW_FAILED}
    if before["lease_id"] is not None:
        tx.emit("job.stop_requested", row["org"], row=row, was="processing", facts=facts)
        tx.feed((row["org"], row["queue_name"]))
    closing = Closing(FAILED_WITH_STEP, WORKFLOW_FAILED, error, comes_back=True)
    close_open(tx, items, closing)
    tx.emit("job.deadlettered", row["org"], row=row, was=before["status"], facts=facts)
    tell_dependents(tx, row)


def is_cancelled(tx: Tx, workflow_id: str | None) -> bool:
    """Whether a workflow was cancelled; what runs of it may have been left to its end."""
    workflow = tx.row(workflow_statements.OF_ONE_STEP, {"id": workflow_id})
    return workflow is not None and workflow["cancel_requested_at_ms"] is not None


def _complete(tx: Tx, items: ItemsRow) -> None:
    keep(tx, items, work=None)
    row = tx.row(statements.COMPLETE_STEP, {"step": items["job"], "now_ms": tx.now_ms})
    assert row is not None, "the step was looked at in this operation"
    tx.emit("job.completed", row["org"], row=row, was="processing")
    tell_dependents(tx, row)


def _cancel(tx: Tx, number: int) -> None:
    row = tx.row(statements.CANCEL_STEP, {"step": number, "now_ms": tx.now_ms})
    assert row is not None, "the step was looked at in this operation"
    facts = {"reason": row["stop_reason"]}
    tx.emit("job.cancelled", row["org"], row=row, was="processing", facts=facts)
    tell_dependents(tx, row)
