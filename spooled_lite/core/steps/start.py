"""Starting a run of a document: its first steps are activated in the same transaction."""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.queues.records import Admission
from spooled_lite.core.steps import activate_statements as statements
from spooled_lite.core.steps.activate import delayed
from spooled_lite.core.steps.advance import counted_together
from spooled_lite.core.steps.dependents import activate_steps
from spooled_lite.core.steps.expire import expire_run
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import ShownWorkflowRow
from spooled_lite.core.workflows.create import StoredStep
from spooled_lite.core.workflows.query import with_metadata
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.store_run import NewRun, needs_decision, store_run
from spooled_lite.events import Deadline
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


class StartedRun(Struct, frozen=True):
    """A run, or the unfinished one that has its concurrency key."""

    row: ShownWorkflowRow
    steps: Sequence[StoredStep]  # in the order of the document
    created: bool


@in_lane(Lane.CREATE)
def start_run(tx: Tx, org: int, new: NewRun, admission: Admission) -> StartedRun:
    """Store a run of a document; what waits for nothing can be claimed, or waits for its signal.

    Steps whose condition is not met are skipped at once, with all that follows from that: the run
    may have ended when this returns.

    One whose concurrency key an unfinished run has, of the same flow or, without a flow, of none,
    is not stored: the older one is answered, as it is. If its time is over, it expires instead.

    Raises:
        QuotaExceeded: a cap would be passed.

    Contract: catbird-capabilities, F7-F9.
    """
    key = new.options.concurrency_key
    if key is not None and (held := _holder_of_key(tx, org, new)) is not None:
        return held
    stored = store_run(tx, org, new, admission)
    tx.emit("workflow.created", org, row=stored.row, facts={"input": new.options.input})
    steps = list(zip(new.document.steps, stored.jobs, strict=True))
    for step, job in steps:
        if step.signal or step.has_items:
            tx.execute(statements.ADD_STATE, {"job": job["seq"], "org": org})
    if stored.row["expires_at_ms"] is not None:
        tx.due(Deadline.RUN_EXPIRY, stored.row["expires_at_ms"])
    undecided = [job["seq"] for step, job in steps if needs_decision(step) and not step.depends_on]
    shown = stored.row
    if undecided:
        id, at_ms = shown["id"], _visible_at(new.options, tx.now_ms)
        with counted_together(tx, id), delayed(tx, id, at_ms):
            activate_steps(tx, undecided)
        now = tx.row(workflow_statements.BY_ID, {"id": shown["id"], "org": org})
        assert now is not None, "it was stored in this operation"
        shown = {**now, "metadata": new.metadata}
    return StartedRun(shown, [StoredStep(step.key, job["id"]) for step, job in steps], True)


def _visible_at(options: RunOptions, now_ms: int) -> int | None:
    return options.visible_at_ms if options.delay_ms is None else now_ms + options.delay_ms


def _holder_of_key(tx: Tx, org: int, new: NewRun) -> StartedRun | None:
    options = new.options
    asked = {
        "org": org,
        "flow_name": options.flow_name,
        "concurrency_key": options.concurrency_key,
    }
    held = tx.row(workflow_statements.HOLDING_KEY, asked)
    if held is None:
        return None
    if held["expires_at_ms"] is not None and held["expires_at_ms"] <= tx.now_ms:
        expire_run(tx, held)
        return None
    numbered = {"workflow_id": held["id"], "limit": len(new.document.steps)}
    steps = [
        StoredStep(step["step_key"], step["id"])
        for step in tx.rows(workflow_statements.STEP_STATUSES, numbered)
    ]
    return StartedRun(with_metadata(tx, held), steps, created=False)
