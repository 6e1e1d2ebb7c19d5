"""Retrying dead letters at the request of a caller."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs import key_statements
from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.concurrency import holder_of_key
from spooled_lite.core.jobs.dead_letters import DeadLetters, find_dead_letters
from spooled_lite.core.jobs.following import withdraw_following
from spooled_lite.core.jobs.passes import PASS_MAX, fitting
from spooled_lite.core.jobs.statements import BriefJobRow, DeadLetterRow
from spooled_lite.core.jobs.states import FAILED
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.fence import visible
from spooled_lite.core.lifecycle.follow import RETRIED, may_be_followed
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.steps.advance import counted_together
from spooled_lite.core.steps.dependents import (
    bring_back_steps,
    decide_again,
    hold_back,
    tell_dependents,
    tell_dependents_later,
)
from spooled_lite.core.steps.reopen import reopen_run
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.errors import Conflict, QuotaExceeded
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx

RETRY_MAX: Final = PASS_MAX  # jobs that a pass changes; one workflow more may be begun before


class Retried(Struct, frozen=True):
    job_ids: list[str]
    skipped: list[str]  # left behind because of a workflow cap or a concurrency key
    left: list[str] = []  # dead letters for another pass


def retry(tx: Tx, org: int, job_id: str, scope: Scope, caps: Caps | None) -> JobRow:
    """Put a dead letter back into its queue at once, one retry further.

    A step takes what its failure had cancelled with it, and its failed workflow runs again. One
    whose parents run again, too, waits for them.

    Raises:
        NotFound: no such job in this organization and scope.
        Conflict: the job is no dead letter, or another one has its concurrency key; or its run
            cannot begin again (`reopen_run`).
        QuotaExceeded: its workflow would be one too many that are not finished.

    Contract: jobs, J6; schedules-workflows-webhooks, section 2.2 row 14.
    """
    job = visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)
    workflow = _workflow_of(tx, org, job)
    _check_room_for(tx, workflow, caps)
    if job["step_job"] is not None:
        raise Conflict("An item is not retried alone: retry its workflow")
    if job["status"] not in FAILED:
        raise Conflict(f"Only failed jobs can be retried; this one is {job['status']}")
    if (holder := _holder_of_its_key(tx, job)) is not None:
        raise Conflict("Another job has its concurrency key", details={"job_id": holder["id"]})
    is_reopened = workflow is not None and reopen_run(tx, workflow)
    row = _retry(tx, org, job, starts_over=False)
    assert row is not None, "nothing changes a job between two statements of an operation"
    hold_back(tx, [row])
    tell_dependents(tx, row)
    if workflow is not None and is_reopened:
        bring_back_steps(tx, workflow["id"])
    decide_again(tx, [row])
    return visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)


def retry_dead_letters(
    tx: Tx,
    org: int,
    wanted: DeadLetters,
    scope: Scope,
    caps: Caps | None,
    has_room: bool = False,
) -> Retried:
    """Put dead letters back, oldest first, their retries counted from 0.

    Jobs that are no dead letters, or are outside the scope, are passed over; those whose
    concurrency key another job has stay. Each dead letter may bring
    back a thousand steps, so this is one pass: call again with its `left`, and with `has_room`,
    until nothing is left. Steps of one workflow are never taken apart, lest it ends in between.

    Raises:
        QuotaExceeded: the active jobs would pass their cap; nothing is changed.

    Contract: jobs, J21.
    """
    found = find_dead_letters(tx, org, wanted, scope)
    if caps is not None and not has_room:
        check_room(tx, org, caps, "active_jobs", more=len(found))
    some, left = _for_one_pass(found)
    of_workflow: dict[str | None, list[DeadLetterRow]] = defaultdict(list)
    for job in some:
        of_workflow[job["workflow_id"]].append(job)
    retried: list[JobRow] = []
    skipped: list[str] = []
    cost = 0
    for workflow_id, jobs in of_workflow.items():
        if cost >= RETRY_MAX:
            left += [job["id"] for job in jobs]
        elif _may_begin_again(tx, org, jobs[0], caps):
            rows, taken = _retry_all(tx, org, jobs)
            retried += rows
            skipped += taken
            cost += len(rows) + _revive(tx, workflow_id)
        else:
            skipped += [job["id"] for job in jobs]
    hold_back(tx, retried)
    decide_again(tx, retried)
    return Retried([row["id"] for row in retried], skipped, left)


def _for_one_pass(found: Sequence[DeadLetterRow]) -> tuple[list[DeadLetterRow], list[str]]:
    """The dead letters of one pass, whole workflows together; and the ids of the rest."""
    some = list(found[: fitting([job["row_bytes"] for job in found])])
    workflows = {job["workflow_id"] for job in some} - {None}
    left: list[str] = []
    for job in found[len(some) :]:
        if job["workflow_id"] in workflows:
            some.append(job)
        else:
            left.append(job["id"])
    return some, left


def _retry_all(tx: Tx, org: int, jobs: Sequence[DeadLetterRow]) -> tuple[list[JobRow], list[str]]:
    """Those that were retried, and the ids of those whose concurrency key another job has."""
    retried: list[JobRow] = []
    taken: list[str] = []
    for job in jobs:
        if _holder_of_its_key(tx, job) is not None:
            taken.append(job["id"])
            continue
        row = _retry(tx, org, job, starts_over=True)
        assert row is not None, "nothing changes a job between two statements of an operation"
        tell_dependents_later(tx, row)
        retried.append(row)
    return retried, taken


def _holder_of_its_key(tx: Tx, job: JobRow | DeadLetterRow) -> JobRow | None:
    """The job that has the concurrency key of a dead letter by now.

    A run whose time is over holds nothing, even if it is still there: see KEY_IF_FREE.
    """
    if job["concurrency_key"] is None:
        return None
    if job["kind"] != "task_run":
        return holder_of_key(tx, job["queue"], job["concurrency_key"])
    names = ("org", "task_name", "concurrency_key")
    held = tx.row(key_statements.HOLDING_RUN, {name: job[name] for name in names})  # type: ignore[literal-required]
    if held is None or held["expires_at_ms"] is None or held["expires_at_ms"] > tx.now_ms:
        return held
    return None


def _revive(tx: Tx, workflow_id: str | None) -> int:
    """Bring back the steps of the retried ones; returns how many came back."""
    if workflow_id is None:
        return 0
    with counted_together(tx, workflow_id):
        return bring_back_steps(tx, workflow_id)


def _may_begin_again(tx: Tx, org: int, job: BriefJobRow, caps: Caps | None) -> bool:
    """Whether the workflow of a step may go on, or is none; a run that had ended is open then."""
    workflow = _workflow_of(tx, org, job)
    if workflow is None:
        return True
    try:
        _check_room_for(tx, workflow, caps)
        reopen_run(tx, workflow)
    except (QuotaExceeded, Conflict):
        return False
    return True


def _workflow_of(tx: Tx, org: int, job: BriefJobRow) -> WorkflowRow | None:
    if job["workflow_id"] is None:
        return None
    return tx.row(workflow_statements.BY_ID, {"id": job["workflow_id"], "org": org})


def _check_room_for(tx: Tx, workflow: WorkflowRow | None, caps: Caps | None) -> None:
    """Raises QuotaExceeded when a step would start a finished workflow that is one too many."""
    if caps is not None and workflow is not None and workflow["status"] == "failed":
        check_room(tx, workflow["org"], caps, "workflows", more=1)


def _retry(tx: Tx, org: int, job: BriefJobRow, *, starts_over: bool) -> JobRow | None:
    row = tx.row(
        statements.RETRY,
        {"id": job["id"], "org": org, "starts_over": starts_over, "now_ms": tx.now_ms},
    )
    if row is None:
        return None
    tx.emit("job.retried", org, row=row, was=job["status"])
    announce_times(tx, row)
    if may_be_followed(row):
        withdraw_following(tx, org, row["id"], RETRIED)
    return row
