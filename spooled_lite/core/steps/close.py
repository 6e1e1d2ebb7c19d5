"""Closing every step of a run that is still open, because the run has come to its end."""

from typing import Literal

import msgspec

from spooled_lite.core.breakers.work_limits import work_ended
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.steps import close_statements as statements
from spooled_lite.core.steps.advance import counted_together
from spooled_lite.core.steps.items import close_items
from spooled_lite.core.steps.later import tell_others_later
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import known_document
from spooled_lite.storage.transaction import Tx


def close_open_steps(
    tx: Tx,
    workflow: WorkflowRow,
    *,
    state: Literal["failed", "canceled"],
    reason: str,
    error: str | None = None,
    but_not: int | None = None,
) -> int:
    """Cancel every open step of a run of a document, and its open items; how many steps there were.

    Whoever has one is told to stop, and refused from now on, each time with the reason. What is
    closed as failed comes back when the run is retried. At most STEPS_MAX steps, and the items that
    may be open at a time; the others are closed by a loop, and are never handed out.
    """
    assert workflow["document"] is not None, "other workflows have nothing that closes their steps"
    asked = {"workflow_id": workflow["id"], "but_not": but_not}
    before = {step["seq"]: step for step in tx.rows(statements.OPEN_STEPS, asked)}
    if not before:
        return 0
    numbers = list(before)
    closing = {
        "steps": msgspec.json.encode(numbers).decode(),
        "state": state,
        "reason": reason,
        "error": error,
        "comes_back": int(state == "failed"),
        "now_ms": tx.now_ms,
    }
    document = known_document(tx, workflow["document"])
    with counted_together(tx, workflow["id"]):
        for row in sorted(tx.rows(statements.CLOSE, closing), key=lambda row: row["seq"]):
            _announce(tx, before[row["seq"]], row, reason)
            assert row["step_position"] is not None, "a step has its place"
            if document.steps[row["step_position"]].has_items:
                close_items(tx, row, state=state, reason=reason, error=error)
    tell_others_later(tx, numbers)
    return len(numbers)


def _announce(tx: Tx, was: JobRow, row: JobRow, reason: str) -> None:
    facts = {"reason": reason}
    if was["lease_id"] is not None:
        held: JobRow = {**was, "stop_reason": reason}
        tx.emit("job.stop_requested", row["org"], row=held, was="processing", facts=facts)
        facts = {**facts, "worker_id": was["assigned_worker_id"] or ""}
        tx.feed((row["org"], row["queue_name"]))  # a queue with a concurrency limit has room now
        if was["tells_breaker"]:
            work_ended(tx, was)
    tx.emit("job.cancelled", row["org"], row=row, was=was["status"], facts=facts)
