"""The limits of steps: their breakers and `max_concurrency`, which runs share.

Those of a step of a flow hold for all runs of the flow, as it is defined now; those of another
workflow for all workflows with the same document.
"""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.breakers.work_limits import limits_changed
from spooled_lite.core.jobs.policy import stored
from spooled_lite.core.queues.ensure import forget_queue
from spooled_lite.core.workflows import guard_statements as statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, StepDocument
from spooled_lite.core.workflows.guard_statements import GuardRow
from spooled_lite.storage.transaction import Tx

_NO_LIMITS: Final = {"circuit_breaker": None, "max_concurrency": None}


def guards_for_run(tx: Tx, run: WorkflowRow, document: FlowDocument) -> Mapping[str, int]:
    """The numbers of the limits of a new run's steps, by their keys; nothing for the others.

    Contract: catbird-capabilities, H5, H7 and section 19.5.
    """
    if not document.is_guarded:
        return {}
    return {step.key: _guard(tx, run, step) for step in document.steps if step.is_guarded}


def limit_as_defined(tx: Tx, org: int, flow_name: str, document: FlowDocument) -> None:
    """Let what a flow says from now on hold for the steps of its runs that have limits."""
    for known in tx.rows(statements.ALL_OF_FLOW, {"org": org, "flow_name": flow_name}):
        step = document.by_key.get(known["step_key"])
        columns = _columns(step) if step is not None else {**_NO_LIMITS, **_queues(known)}
        _replace(tx, org, known, columns)


def forget_guards_of_flow(tx: Tx, org: int, flow_name: str) -> None:
    """The flow is deleted, with all its runs."""
    for known in tx.rows(statements.ALL_OF_FLOW, {"org": org, "flow_name": flow_name}):
        tx.execute(breaker_statements.CLOSE, {"scope": "step", "target": known["seq"]})
        tx.execute(statements.DELETE_GUARD, {"seq": known["seq"]})
        for queue_name in _queues(known).values():
            forget_queue(tx, org, queue_name)


def forget_breakers_of_gone(tx: Tx, org: int) -> None:
    """Documents were deleted, and the limits of their steps with them."""
    tx.execute(statements.FORGET_BREAKERS, {"org": org})


def _guard(tx: Tx, run: WorkflowRow, step: StepDocument) -> int:
    org, flow_name = run["org"], run["flow_name"]
    named: dict[str, Any] = {
        "org": org,
        "flow_name": flow_name,
        "document": run["document"] if flow_name is None else None,
        "step_key": step.key,
    }
    known = tx.row(statements.OF_DOCUMENT if flow_name is None else statements.OF_FLOW, named)
    columns = _columns(step)
    if known is not None:
        _replace(tx, org, known, columns)
        return known["seq"]
    for queue_name in (columns["queue_name"], columns["item_queue_name"]):
        forget_queue(tx, org, queue_name)  # which is known to have limits from now on
    return tx.insert(statements.ADD_GUARD, {**named, **columns})


def _replace(tx: Tx, org: int, known: GuardRow, columns: Mapping[str, Any]) -> None:
    if all(known[name] == value for name, value in columns.items()):  # type: ignore[literal-required]
        return
    tx.execute(statements.REPLACE_GUARD, {**columns, "seq": known["seq"]})
    if known["circuit_breaker"] != columns["circuit_breaker"]:
        # Another breaker begins closed.
        tx.execute(breaker_statements.CLOSE, {"scope": "step", "target": known["seq"]})
    queue_names = {*_queues(known).values(), columns["queue_name"], columns["item_queue_name"]}
    for queue_name in queue_names:
        forget_queue(tx, org, queue_name)
    limits_changed(tx, org, ("step", known["seq"]), sorted(queue_names))


def _columns(step: StepDocument) -> dict[str, Any]:
    return {
        "queue_name": step.queue_name,
        "item_queue_name": step.item_queue_name or step.queue_name,
        "circuit_breaker": stored(step.circuit_breaker),
        "max_concurrency": step.max_concurrency,
    }


def _queues(known: GuardRow) -> dict[str, str]:
    return {"queue_name": known["queue_name"], "item_queue_name": known["item_queue_name"]}
