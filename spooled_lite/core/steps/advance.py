"""Keeps the counters and the status of a workflow in line with its steps."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, cast

from spooled_lite.core.steps.activate_statements import END_WITHOUT_OUTPUT
from spooled_lite.core.steps.on_fail import follow_run, take_back
from spooled_lite.core.steps.outputs import NO_CANDIDATE, keep_output
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.events import EventType
from spooled_lite.storage.transaction import Own, Tx

# The counter of a workflow for each status of a step.
_COUNTER: Final = {
    "pending": "waiting",
    "scheduled": "waiting",
    "processing": "processing",
    "completed": "completed",
    "failed": "failed",
    "deadletter": "failed",
    "cancelled": "cancelled",
}
_COLUMNS: Final = tuple((f"{each}_jobs", each) for each in dict.fromkeys(_COUNTER.values()))
_ENDED_AS: Final = {"completed": "completed", "failed": "failed", "expired": "cancelled"}
OUTPUT_TOLD_BYTES_MAX: Final = 4 * 1024  # catbird-capabilities, section 17 row 12
_NOTHING_MOVED: Final = dict.fromkeys(_COUNTER.values(), 0)


class _Moved:
    """What has changed of a workflow, by its counters, and how many steps have."""

    __slots__ = ("by", "steps")

    def __init__(self) -> None:
        self.by = dict(_NOTHING_MOVED)
        self.steps = 0


# For each workflow whose steps the running operation counts together: the changes so far.
_TOGETHER: Final = Own[dict[str, _Moved]](dict)


def count_move(tx: Tx, workflow_id: str, *, was: str, now: str) -> None:
    """A step has changed its status: its workflow counts it anew.

    The counters change in the transaction of the step, so they always equal a recount.

    Contract: schedules-workflows-webhooks, section 2.6.
    """
    together = tx.own(_TOGETHER).get(workflow_id)
    moved = _Moved() if together is None else together
    moved.by[_COUNTER[was]] -= 1
    moved.by[_COUNTER[now]] += 1
    moved.steps += 1
    if together is None:
        _count_steps(tx, workflow_id, moved.by)


@contextmanager
def counted_together(tx: Tx, workflow_id: str) -> Iterator[None]:
    """While this is open, steps of the workflow may change; they are counted once, at the end.

    Counting each alone would take an update for each, and the workflow could seem to end before
    all have changed.
    """
    together = tx.own(_TOGETHER)
    if workflow_id in together:  # whoever has opened it counts them
        yield
        return
    moved = together[workflow_id] = _Moved()
    try:
        yield
    finally:
        del together[workflow_id]
    # Also when no counter has changed: a run may begin and end again in one operation.
    if moved.steps:
        _count_steps(tx, workflow_id, moved.by)


def _count_steps(tx: Tx, workflow_id: str, moved: Mapping[str, int]) -> None:
    """Add to the counters of a workflow, and set the status that follows from them."""
    before = tx.row(workflow_statements.OF_ONE_STEP, {"id": workflow_id})
    if before is None:
        return  # the workflow was deleted; its jobs stay
    counters = {name: before[name] + moved[moves] for name, moves in _COLUMNS}  # type: ignore[literal-required]
    workflow = _changed(before, **counters, updated_at_ms=tx.now_ms)
    status = status_of(workflow)
    if status == workflow["status"]:
        tx.execute(workflow_statements.KEEP_COUNTERS, workflow)
        return
    if status == "completed" and workflow["document"] is not None:
        workflow = _with_output(tx, workflow)
        status = status_of(workflow)
    set_status(tx, workflow, status)


def set_status(tx: Tx, workflow: WorkflowRow, status: str) -> None:
    """Store the status of a workflow, with the counters that its row here has, and announce it."""
    started_at_ms = workflow["started_at_ms"]
    if status == "running" and started_at_ms is None:
        started_at_ms = tx.now_ms
    row = _changed(
        workflow,
        status=status,
        started_at_ms=started_at_ms,
        completed_at_ms=tx.now_ms if status in ENDED else None,
        updated_at_ms=tx.now_ms,
    )
    tx.execute(workflow_statements.KEEP_STATUS, row)
    if row["document"] is not None:
        if status == "failed":
            follow_run(tx, row)
        elif workflow["status"] == "failed":
            take_back(tx, row)
    told = _told(workflow, status)
    if told is not None:
        is_done = status == "completed" and row["flow_name"] is not None
        facts = _given(tx, row) if is_done else {}
        tx.emit(told, row["org"], row=row, was=workflow["status"], facts=facts)


def _given(tx: Tx, workflow: WorkflowRow) -> Mapping[str, bytes]:
    """What a run of a flow gives, as far as it is told to those who listen."""
    asked = {"workflow": workflow["seq"], "bytes_max": OUTPUT_TOLD_BYTES_MAX}
    output = tx.value(workflow_statements.SHORT_OUTPUT, asked)
    return {} if output is None else {"output": output}


def _with_output(tx: Tx, workflow: WorkflowRow) -> WorkflowRow:
    """A run whose steps have all ended well: it has failed unless it gives something."""
    if workflow["ended_as"] is not None or keep_output(tx, workflow):
        return workflow
    tx.execute(END_WITHOUT_OUTPUT, {"seq": workflow["seq"], "error": NO_CANDIDATE})
    return _changed(workflow, ended_as="failed", error_message=NO_CANDIDATE)


def _changed(workflow: WorkflowRow, **columns: object) -> WorkflowRow:
    return cast(WorkflowRow, {**workflow, **columns})


def status_of(workflow: WorkflowRow) -> str:
    """The status that follows from the counters, or from how a run was ended.

    Contract: schedules-workflows-webhooks, section 2.6.
    """
    if workflow["cancel_requested_at_ms"] is not None:
        return "cancelled"
    if workflow["ended_as"] is not None:
        return _ENDED_AS[workflow["ended_as"]]
    if workflow["waiting_jobs"] or workflow["processing_jobs"]:
        is_untouched = workflow["waiting_jobs"] == workflow["total_jobs"]
        return "pending" if is_untouched and workflow["started_at_ms"] is None else "running"
    if workflow["failed_jobs"]:
        return "failed"
    return "cancelled" if workflow["cancelled_jobs"] else "completed"


def _told(workflow: WorkflowRow, status: str) -> EventType | None:
    """The event of a new status. A retried workflow does not start a second time."""
    match status:
        case "running":
            return "workflow.started" if workflow["started_at_ms"] is None else None
        case "completed":
            return "workflow.completed"
        case "failed":
            return "workflow.failed"
        case "cancelled":
            return "workflow.cancelled"
    return None
