"""Running a finished workflow again from some of its steps on."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.steps import statements as step_statements
from spooled_lite.core.steps.advance import counted_together
from spooled_lite.core.steps.columns import StepAfterRow
from spooled_lite.core.steps.dependents import decide_again
from spooled_lite.core.steps.later import tell_others_later
from spooled_lite.core.steps.reopen import reopen_run
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import StandingRow
from spooled_lite.core.workflows.conditions import Standing, standing_of
from spooled_lite.core.workflows.query import get_workflow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.errors import BadRequest, Conflict
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Reading, Tx


class Rerun(Struct, frozen=True):
    """The steps that run again, in the order of the request, and how each stands then."""

    steps: Sequence[StepAfterRow]
    standings: Sequence[Standing]

    @property
    def keys(self) -> list[str]:
        return [step["step_key"] for step in self.steps]


def plan_rerun(tx: Reading, org: int, workflow_id: str, keys: Sequence[str], scope: Scope) -> Rerun:
    """What would run again: the named steps, and all steps that wait for them, near or far.

    Raises:
        NotFound, AccessDenied: as `get_workflow`.
        Conflict: the workflow or one of its jobs has not ended.
        BadRequest: a key is no step of it; or a step would never run, because another one that it
            waits for has failed or was cancelled and is not run again; or a step has items.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    if workflow["status"] not in ENDED:
        raise Conflict(
            f"Only finished workflows can be run again; this one is {workflow['status']}"
        )
    if workflow["processing_jobs"] or workflow["waiting_jobs"]:
        raise Conflict("Only finished workflows can be run again; some jobs of this one still run")
    asked = {"workflow_id": workflow_id, "keys": msgspec.json.encode(keys).decode()}
    steps = tx.rows(step_statements.STEPS_AFTER, asked)
    found = {step["step_key"] for step in steps}
    for key in keys:
        if key not in found:
            raise BadRequest(f"Workflow has no job `{key}`")
    for step in steps:
        if step["has_items"]:
            raise BadRequest(
                f"Job `{step['step_key']}` has items, which cannot be made anew: start a new run"
            )
    return Rerun(steps, _standings(tx, steps))


def rerun_workflow(
    tx: Tx, org: int, workflow_id: str, keys: Sequence[str], scope: Scope, caps: Caps | None
) -> Rerun:
    """Let those steps start over, in place: the same jobs, without their results and errors.

    All or none, in one transaction. A cancellation by a call ends with it.

    Raises:
        NotFound, AccessDenied, Conflict, BadRequest: as `plan_rerun` and `reopen_run`.
        QuotaExceeded: a cap would be passed.
    """
    planned = plan_rerun(tx, org, workflow_id, keys, scope)
    if caps is not None:
        check_room(tx, org, caps, "active_jobs", more=len(planned.steps))
        check_room(tx, org, caps, "workflows", more=1)
    workflow = get_workflow(tx, org, workflow_id, scope)
    reopen_run(tx, workflow)
    tx.execute(workflow_statements.END_CANCEL, {"id": workflow_id})
    with counted_together(tx, workflow_id):
        _start_over(tx, org, planned)
    return planned


def _standings(tx: Reading, steps: Sequence[StepAfterRow]) -> list[Standing]:
    """How each step stands once all of them wait again. Raises BadRequest: one would never run."""
    edges: dict[int, list[StandingRow]] = defaultdict(list)
    numbers = _numbers([step["seq"] for step in steps])
    for edge in tx.rows(step_statements.STANDING_IF_BACK, {"steps": numbers}):
        edges[edge["job"]].append(edge)
    standings = [standing_of(edges[step["seq"]], step["dependency_mode"]) for step in steps]
    if "impossible" in standings:
        key = steps[standings.index("impossible")]["step_key"]
        raise BadRequest(
            f"Job `{key}` would never run: another job that it waits for did not end as it has to;"
            " begin with that one as well"
        )
    return standings


def _start_over(tx: Tx, org: int, planned: Rerun) -> None:
    """By a few statements for all steps: each statement lets go of the interpreter, and a thousand
    steps with several each would hold up every other write."""
    seqs = [step["seq"] for step in planned.steps]
    met: dict[bool, list[int]] = {True: [], False: []}
    for seq, standing in zip(seqs, planned.standings, strict=True):
        met[standing == "met"].append(seq)
    rows: dict[int, JobRow] = {}
    for is_met, some in met.items():
        asked = {"steps": _numbers(some), "met": int(is_met), "now_ms": tx.now_ms}
        rows.update((row["seq"], row) for row in tx.rows(statements.RERUN_STEPS, asked))
    with_result = [step["seq"] for step in planned.steps if step["result_bytes"] is not None]
    if with_result:
        tx.execute(statements.FORGET_RESULTS, {"steps": _numbers(with_result)})
    for step in planned.steps:
        row = rows[step["seq"]]  # nothing changes a job between two statements of an operation
        tx.emit("job.retried", org, row=row, was=step["status"])
        announce_times(tx, row)
    tell_others_later(tx, seqs)
    decide_again(tx, list(rows.values()), from_start=True)


def _numbers(jobs: Sequence[int]) -> str:
    return msgspec.json.encode(jobs).decode()
