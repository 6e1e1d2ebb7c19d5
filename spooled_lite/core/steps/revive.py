"""Bringing back jobs that were cancelled because a parent had failed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Final

import msgspec

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.steps import statements
from spooled_lite.core.workflows.columns import CancelledStepRow, EdgeRow, StandingRow
from spooled_lite.core.workflows.conditions import Standing, standing_of
from spooled_lite.storage.transaction import Tx

PARENT_RETRIED: Final = "Parent job was retried"


def revive(tx: Tx, seq: int, *, met: bool) -> JobRow:
    """Let a cancelled job wait again. The caller notifies the jobs that wait for it."""
    row = tx.row(statements.REVIVE, {"seq": seq, "met": int(met), "now_ms": tx.now_ms})
    assert row is not None, "the job was looked at in this operation"
    facts = {"reason": PARENT_RETRIED}
    tx.emit("job.retried", row["org"], row=row, was="cancelled", facts=facts)
    announce_times(tx, row)
    return row


def revive_steps(tx: Tx, workflow_id: str) -> list[JobRow]:
    """Bring back every cancelled step of a workflow that can run again.

    A step can run again unless its dependencies stay impossible even with all other steps back.
    All come back in one operation: if some were left for later, the workflow could end before.
    Those of a document wait, whatever their parents: the caller decides about them again.

    Contract: schedules-workflows-webhooks, section 2.2 row 14 and section 2.5.
    """
    steps = tx.rows(statements.CANCELLED_STEPS, {"workflow_id": workflow_id})
    if not steps:
        return []
    standings = _if_all_came_back(tx, steps)
    if "impossible" in standings.values():
        standings = _of_those_that_can(tx, workflow_id, steps)
    plain = {step["seq"] for step in steps if step["phase"] is None}
    return [
        revive(tx, seq, met=standing == "met" and seq in plain)
        for seq, standing in standings.items()
    ]


def _if_all_came_back(tx: Tx, steps: Sequence[CancelledStepRow]) -> dict[int, Standing]:
    """How each step would stand if all came back: usually all can, and this reads few rows."""
    numbers = msgspec.json.encode([step["seq"] for step in steps]).decode()
    edges: dict[int, list[StandingRow]] = defaultdict(list)
    for edge in tx.rows(statements.STANDING_IF_BACK, {"steps": numbers}):
        edges[edge["job"]].append(edge)
    return {step["seq"]: _standing(step, edges[step["seq"]]) for step in steps}


def _of_those_that_can(
    tx: Tx, workflow_id: str, steps: Sequence[CancelledStepRow]
) -> dict[int, Standing]:
    """How each step stands that can come back. Looks at every edge, often more than once."""
    edges: dict[int, list[EdgeRow]] = {step["seq"]: [] for step in steps}
    for edge in tx.rows(statements.EDGES_OF_CANCELLED, {"workflow_id": workflow_id}):
        if edge["job"] in edges:  # else its queue was deleted
            edges[edge["job"]].append(edge)
    back = _possible(steps, edges)
    return {
        step["seq"]: _standing_with(step, edges[step["seq"]], back)
        for step in steps
        if step["seq"] in back
    }


def _possible(
    steps: Sequence[CancelledStepRow], edges: Mapping[int, Sequence[EdgeRow]]
) -> set[int]:
    """The largest set of steps that can all run if exactly they come back.

    Begins with all steps and removes those that cannot, until no more has to be removed.
    """
    by_seq = {step["seq"]: step for step in steps}
    children: dict[int, list[int]] = defaultdict(list)
    for seq, above in edges.items():
        for edge in above:
            children[edge["parent"]].append(seq)
    back, to_look_at = set(by_seq), list(by_seq)
    while to_look_at:
        seq = to_look_at.pop()
        if seq in back and _standing_with(by_seq[seq], edges[seq], back) == "impossible":
            back.remove(seq)
            to_look_at += children[seq]
    return back


def _standing_with(step: CancelledStepRow, edges: Sequence[EdgeRow], back: Set[int]) -> Standing:
    return _standing(step, [_as_waiting(edge, back) for edge in edges])


def _standing(step: CancelledStepRow, edges: Sequence[StandingRow]) -> Standing:
    if not edges and step["phase"] is None:
        return "impossible"  # the parent it was cancelled for was deleted and cannot be retried
    return standing_of(edges, step["dependency_mode"])


def _as_waiting(edge: EdgeRow, back: Set[int]) -> EdgeRow:
    return {**edge, "status": "pending"} if edge["parent"] in back else edge
