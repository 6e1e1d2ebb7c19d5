"""The job that follows when a run of a document has failed.

It is stored in the transaction in which the run fails. Contract: catbird-capabilities, section 8.7
(F52-F55).
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.jobs.bodies import whole
from spooled_lite.core.jobs.following import FailedThing, store_following, withdraw_following
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.steps import on_fail_statements as statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import known_document
from spooled_lite.errors import BodyDamaged
from spooled_lite.storage.transaction import Tx
from spooled_lite.times import format_optional_ms

RUN_RETRIED: Final = "the run it follows was retried"
# What stands for the name of the flow in that of the queue, of a workflow that is a run of none.
NO_FLOW: Final = "workflow"
# The step that failed was given the input of the run, which is told anyhow: a larger one is not
# told twice.
SAME_INPUT_BYTES_MAX: Final = 65_536


class ToldRunFailure(Struct, frozen=True, kw_only=True):
    """What the following job is told; `kinds.payload_shown` adds which attempt of its own it is."""

    flow_name: str | None
    workflow_id: str
    flow_run_id: str
    failed_step_name: str | None  # None: no step has failed, but none has given an output
    error_message: str | None
    attempts: int  # of the failed step; 0: a mapper has none
    started_at: str | None
    failed_at: str | None
    concurrency_key: str | None
    failed_step_input: Raw | UnsetType = UNSET  # of a failed item, the item
    failed_step_signal_input: Raw | UnsetType = UNSET  # what came; unset: nothing
    completed_steps: list[str]


class _FailedStep(Struct, frozen=True):
    key: str | None = None
    error: str | None = None
    attempts: int = 0
    input: Raw | UnsetType = UNSET
    signal: Raw | UnsetType = UNSET


def follow_run(tx: Tx, run: WorkflowRow) -> None:
    """Store the job that follows the failure of a run, if its document asks for one."""
    assert run["document"] is not None, "only of a run of a document is this asked"
    wanted = known_document(tx, run["document"]).on_fail
    if wanted is None:
        return
    given = _body(tx, run, "input") or bytes(NULL)
    step = _failed_step(tx, run, given)
    told = ToldRunFailure(
        flow_name=run["flow_name"],
        workflow_id=run["id"],
        flow_run_id=run["id"],
        failed_step_name=step.key,
        error_message=run["error_message"] or step.error,
        attempts=step.attempts,
        started_at=format_optional_ms(run["started_at_ms"] or run["created_at_ms"]),
        failed_at=format_optional_ms(run["completed_at_ms"]),
        concurrency_key=run["concurrency_key"],
        failed_step_input=step.input,
        failed_step_signal_input=step.signal,
        completed_steps=tx.values(statements.COMPLETED_STEPS, {"workflow_id": run["id"]}),
    )
    failed = FailedThing(
        org=run["org"],
        id=run["id"],
        name=run["flow_name"] or NO_FLOW,
        priority=run["priority"],
        headers=_body(tx, run, "headers"),
        input=given,
        failure=msgspec.json.encode(told),
    )
    store_following(tx, failed, wanted)


def take_back(tx: Tx, run: WorkflowRow) -> None:
    """A failed run goes on: what follows its failure is cancelled, if nobody has begun with it."""
    withdraw_following(tx, run["org"], run["id"], RUN_RETRIED)


def _failed_step(tx: Tx, run: WorkflowRow, given: bytes) -> _FailedStep:
    key = run["failed_step"]
    if key is None:
        first = tx.row(statements.FIRST_FAILED, {"workflow_id": run["id"]})
        if first is None:
            return _FailedStep()
        key = first["step_key"]
    step = tx.row(statements.STEP, {"workflow_id": run["id"], "key": key})
    if step is None:  # its queue was deleted
        return _FailedStep(key)
    item = _failed_item(tx, step)
    if item is None and len(given) <= SAME_INPUT_BYTES_MAX:
        item = Raw(given)
    signal = tx.value(statements.SIGNAL, {"step": step["seq"]})
    return _FailedStep(
        key=key,
        error=step["last_error"],
        attempts=step["claims"],
        input=UNSET if item is None else item,
        signal=UNSET if signal is None else Raw(signal),
    )


def _failed_item(tx: Tx, step: statements.FailedStepJobRow) -> Raw | None:
    """The item that has failed, and with it the step. One that is damaged in the file is null."""
    asked = {"org": step["org"], "step": step["seq"], "completed_at_ms": step["completed_at_ms"]}
    item = tx.row(statements.FAILED_ITEM, asked)
    if item is None:
        return None
    try:
        found = whole(tx, item)
    except BodyDamaged:
        return NULL
    assert found is not None, "it was read in this operation"
    assert found["payload"] is not None, "it was read in full"
    return Raw(found["payload"])


def _body(tx: Tx, run: WorkflowRow, which: str) -> bytes | None:
    return tx.value(workflow_statements.BODY, {"workflow": run["seq"], "which": which})
