"""The limits of steps: their breakers and `max_concurrency`, which runs share.

Those of a step of a flow hold for all runs of the flow, as the newest run has them; those of
another workflow for all workflows with the same document.
"""

from collections.abc import Mapping
from typing import Any

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.breakers.work_limits import limits_changed
from spooled_lite.core.jobs.policy import stored
from spooled_lite.core.queues.ensure import forget_queue
from spooled_lite.core.workflows import guard_statements as statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, StepDocument
from spooled_lite.storage.transaction import Tx


def guards_for_run(tx: Tx, run: WorkflowRow, document: FlowDocument) -> Mapping[str, int]:
    """The numbers of the limits of a new run's steps, by their keys; nothing for the others.

    Contract: catbird-capabilities, H5, H7 and section 19.5.
    """
    if not document.is_guarded:
        return {}
    return {step.key: _guard(tx, run, step) for step in document.steps if step.is_guarded}


def _guard(tx: Tx, run: WorkflowRow, step: StepDocument) -> int:
    org, flow_name = run["org"], run["flow_name"]
    named: dict[str, Any] = {
        "org": org,
        "flow_name": flow_name,
        "document": run["document"] if flow_name is None else None,
        "step_key": step.key,
    }
    known = tx.row(statements.OF_DOCUMENT if flow_name is None else statements.OF_FLOW, named)
    queues = (step.queue_name, step.item_queue_name or step.queue_name)
    columns: dict[str, Any] = {
        "queue_name": queues[0],
        "item_queue_name": queues[1],
        "circuit_breaker": stored(step.circuit_breaker),
        "max_concurrency": step.max_concurrency,
    }
    if known is None:
        seq = tx.insert(statements.ADD_GUARD, {**named, **columns})
    elif all(known[name] == value for name, value in columns.items()):  # type: ignore[literal-required]
        return known["seq"]
    else:
        seq = known["seq"]
        tx.execute(statements.REPLACE_GUARD, {**columns, "seq": seq})
        if known["circuit_breaker"] != columns["circuit_breaker"]:
            # Another breaker begins closed.
            tx.execute(breaker_statements.CLOSE, {"scope": "step", "target": seq})
        limits_changed(tx, org, ("step", seq), queues)
    for queue_name in queues:
        forget_queue(tx, org, queue_name)  # which is known to have limits from now on
    return seq
