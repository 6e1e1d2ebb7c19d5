"""What becomes of steps of documents once they wait for no other step any more."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.conditions.evaluate import holds_for
from spooled_lite.core.conditions.parse import parse_condition
from spooled_lite.core.steps import activate_statements as statements
from spooled_lite.core.steps.advance import counted_together
from spooled_lite.core.steps.columns import ResolvedStepRow
from spooled_lite.core.steps.item_statements import COMPLETE_STEP
from spooled_lite.core.steps.items import begin_items
from spooled_lite.core.steps.looked import LOOKED
from spooled_lite.core.steps.outputs import output_of_step
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, StepDocument, known_document
from spooled_lite.core.workflows.flow_names import INPUT, SIGNAL
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Own, Tx

SKIPPED: Final = "skipped"  # the state of a step whose condition was not met


class EndedSteps(Struct, frozen=True):
    """Steps that nobody works on: skipped ones, and maps of nothing. Their dependents have to be
    told."""

    steps: Sequence[int]
    workflows: Sequence[str]


NONE_ENDED: Final = EndedSteps((), ())


class _Run(Struct, frozen=True):
    workflow: WorkflowRow
    document: FlowDocument
    skipped: set[int]  # the positions of the steps that this operation has skipped


# The runs that the running operation starts with a delay, and when that is over.
_DELAYED: Final = Own[dict[str, int]](dict)

# Those whose steps the running operation has activated. What is looked at of them never changes.
_RUNS: Final = Own[dict[str | None, _Run | None]](lambda: {None: None})


@contextmanager
def delayed(tx: Tx, workflow_id: str, at_ms: int | None) -> Iterator[None]:
    """While this is open, what is activated of the run waits until then."""
    if at_ms is None or at_ms <= tx.now_ms:
        yield
        return
    tx.own(_DELAYED)[workflow_id] = at_ms
    try:
        yield
    finally:
        del tx.own(_DELAYED)[workflow_id]


def activate(tx: Tx, steps: Sequence[int]) -> EndedSteps:
    """Decide about steps whose dependencies are resolved, by their numbers.

    In this order: one whose signal has not come waits for it; one whose condition is not met is
    skipped; a mapper gets its items, and is completed if there are none; any other can be claimed.
    Steps that were decided about before are passed over. Once LOOKED_BYTES_MAX are looked through,
    a loop decides about the steps with a condition that are left, and begins the maps.

    Contract: catbird-capabilities, F14, F15, F29 and section 20.
    """
    runs = tx.own(_RUNS)
    unsignalled: list[int] = []
    ready: list[int] = []
    left: list[int] = []
    skipped: dict[str, list[ResolvedStepRow]] = defaultdict(list)
    empty: dict[str, list[int]] = defaultdict(list)
    for step in tx.rows(statements.RESOLVED, {"steps": _numbers(steps)}):
        workflow_id = step["workflow_id"]
        if workflow_id not in runs:
            runs[workflow_id] = _run(tx, workflow_id)
        run = runs[workflow_id]
        if run is None or workflow_id is None:
            ready.append(step["seq"])  # its workflow was deleted, and left it as an ordinary job
            continue
        about = run.document.steps[step["step_position"]]
        if about.signal and not step["is_signalled"]:
            unsignalled.append(step["seq"])
        elif about.condition and tx.own(LOOKED).is_enough:
            left.append(step["seq"])
        elif about.condition and not _is_met(tx, run, step, about, about.condition):
            skipped[workflow_id].append(step)
            run.skipped.add(step["step_position"])
        else:
            _delay(tx, workflow_id, step)
            begun = begin_items(tx, run.workflow, step, run.document)
            if begun == "claimable":
                ready.append(step["seq"])
            elif begun == "empty":
                empty[workflow_id].append(step["seq"])
    if unsignalled:
        asked = {"steps": _numbers(unsignalled), "now_ms": tx.now_ms}
        tx.execute(statements.LET_WAIT_FOR_SIGNAL, asked)
    if ready:
        asked = {"steps": _numbers(ready), "now_ms": tx.now_ms}
        for row in tx.rows(statements.ACTIVATE, asked):
            if row["claimable"]:
                tx.feed((row["org"], row["queue_name"]))
    if left:
        tx.execute(statements.DECIDE_LATER, {"steps": _numbers(left)})
        tx.due(Deadline.ITEMS, tx.now_ms)
    ended: list[int] = []
    workflows = list({**skipped, **empty})
    for workflow_id in workflows:
        with counted_together(tx, workflow_id):
            _skip(tx, skipped[workflow_id])
            _complete(tx, empty[workflow_id])
        ended += [step["seq"] for step in skipped[workflow_id]] + empty[workflow_id]
    return EndedSteps(ended, workflows)


def _run(tx: Tx, workflow_id: str | None) -> _Run | None:
    workflow = tx.row(workflow_statements.OF_ONE_STEP, {"id": workflow_id})
    if workflow is None or workflow["document"] is None:
        return None
    return _Run(workflow, known_document(tx, workflow["document"]), set())


def _delay(tx: Tx, workflow_id: str, step: ResolvedStepRow) -> None:
    at_ms = tx.own(_DELAYED).get(workflow_id)
    if at_ms is not None:
        tx.execute(statements.DELAY, {"step": step["seq"], "at_ms": at_ms})
        tx.due(Deadline.PROMOTION, at_ms)


def _skip(tx: Tx, steps: Sequence[ResolvedStepRow]) -> None:
    if not steps:
        return
    was = {step["seq"]: step["status"] for step in steps}
    for row in tx.rows(statements.SKIP, {"steps": _numbers(list(was)), "now_ms": tx.now_ms}):
        tx.emit("job.skipped", row["org"], row=row, was=was[row["seq"]])


def _complete(tx: Tx, empty: Sequence[int]) -> None:
    for seq in empty:
        row = tx.row(COMPLETE_STEP, {"step": seq, "now_ms": tx.now_ms})
        assert row is not None, "it was begun in this operation"
        tx.emit("job.completed", row["org"], row=row, was="processing")


def _is_met(
    tx: Tx, run: _Run, step: ResolvedStepRow, about: StepDocument, condition_text: str
) -> bool:
    condition = parse_condition(condition_text)
    name = condition.path[0]
    value = _value(tx, run, step, about, name)
    if value is None:
        return holds_for(condition, "", b"")  # as any other field that is missing
    looked = tx.own(LOOKED)
    looked.count(len(value))
    return holds_for(condition, name, value, looked.count)


def _value(
    tx: Tx, run: _Run, step: ResolvedStepRow, about: StepDocument, name: str
) -> bytes | None:
    """What a name stands for in the condition of a step. Contract: section 9.2."""
    if name == INPUT:
        asked = {"workflow": run.workflow["seq"], "which": "input"}
        return tx.value(workflow_statements.BODY, asked)
    if name == SIGNAL:
        return tx.value(statements.SIGNAL, {"job": step["seq"]})
    if name not in about.depends_on or name in about.ignore_output:
        return None
    position = run.document.positions[name]
    if position in run.skipped:
        return None
    asked = {"workflow_id": run.workflow["id"], "position": position}
    parent = tx.value(statements.STEP_AT, asked)
    if parent is None:
        return None
    return output_of_step(tx, {"seq": parent}, run.document.steps[position])


def _numbers(steps: Sequence[int]) -> str:
    return msgspec.json.encode(steps).decode()
