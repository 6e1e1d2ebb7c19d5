"""Delivering the signal that a step waits for. Contract: catbird-capabilities, section 8.3."""

from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import WAITING, state_of
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.steps import signal_statements as statements
from spooled_lite.core.steps.advance import counted_together
from spooled_lite.core.steps.dependents import activate_steps
from spooled_lite.core.steps.find import StepOfRun, get_step_of_run
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.errors import Conflict
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

# Why a signal is not delivered: `details.reason`, which clients read.
SignalRefusal = Literal[
    "already_delivered", "not_a_signal_step", "step_not_waiting", "workflow_terminal"
]
_SAID: Final[dict[SignalRefusal, str]] = {
    "already_delivered": "it was delivered already",
    "not_a_signal_step": "the step waits for none",
    "step_not_waiting": "the step does not wait any more",
    "workflow_terminal": "the workflow has ended",
}


class Signalled(Struct, frozen=True):
    """The step after its signal has come."""

    workflow_id: str
    key: str
    state: str


@in_lane(Lane.CREATE)
def deliver_signal(
    tx: Tx, org: int, workflow_id: str, key: str, signal: bytes, scope: Scope
) -> Signalled:
    """Deliver the signal of a step, any JSON, also before its dependencies are done.

    The first one counts. A step that waited for nothing else is activated in this transaction.

    Raises:
        NotFound, AccessDenied: as `get_step_of_run`.
        Conflict: it is not delivered; `details.reason` says why.

    Contract: catbird-capabilities, F25-F29.
    """
    found = get_step_of_run(tx, org, workflow_id, key, scope)
    refusal = _refusal(tx, found)
    if refusal is not None:
        raise Conflict(f"Signal not delivered: {_SAID[refusal]}", details={"reason": refusal})
    step = found.row["seq"]
    delivered = tx.value(statements.DELIVER, {"step": step, "org": org, "signal": signal})
    assert delivered is not None, "none was there a moment ago"
    if found.row["state"] == "waiting_for_signal":
        with counted_together(tx, workflow_id):
            activate_steps(tx, [step])
    return Signalled(workflow_id, key, state_of(_now(tx, org, workflow_id, key, scope)))


def _refusal(tx: Tx, found: StepOfRun) -> SignalRefusal | None:
    """That of a step which has it is told first: it is what a caller is told who repeats a call
    whose answer was lost."""
    row = found.row
    if found.document is None or not found.document.signal:
        return "not_a_signal_step"
    if tx.value(statements.IS_SIGNALLED, {"step": row["seq"]}):
        return "already_delivered"
    if found.workflow["status"] in ENDED:
        return "workflow_terminal"
    if row["status"] not in WAITING or row["dependencies_met"] != 0:
        return "step_not_waiting"
    return None


def _now(tx: Tx, org: int, workflow_id: str, key: str, scope: Scope) -> JobRow:
    return get_step_of_run(tx, org, workflow_id, key, scope).row
