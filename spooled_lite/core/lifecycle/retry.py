"""Another chance by hand, for jobs whose attempts ran out."""

from msgspec import Struct

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.dead_letters import DeadLetters, find_dead_letters
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.dependents import (
    hold_back,
    tell_dependents,
    tell_dependents_later,
)
from spooled_lite.core.lifecycle.fence import visible
from spooled_lite.core.lifecycle.revive import revive_steps
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.errors import Conflict, QuotaExceeded
from spooled_lite.events import Row
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx


class Retried(Struct, frozen=True):
    job_ids: list[str]
    skipped: list[str]  # steps left behind because of a workflow cap


def retry(tx: Tx, org: int, job_id: str, scope: Scope, caps: Caps | None) -> Row:
    """Put a dead letter back into its queue at once, one retry further.

    A step takes what its failure had cancelled with it, and its failed workflow runs again. One
    whose parents run again, too, waits for them.

    Raises:
        NotFound: no such job in this organization and scope.
        Conflict: the job is no dead letter.
        QuotaExceeded: its workflow would be one too many that are not finished.

    Contract: jobs, J6; schedules-workflows-webhooks, section 2.2 row 14.
    """
    job = visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)
    _check_room_for_workflow_of(tx, org, job, caps)
    row = _retry(tx, org, job_id, starts_over=False)
    if row is None:
        raise Conflict(f"Only failed jobs can be retried; this one is {job['status']}")
    hold_back(tx, [row])
    tell_dependents(tx, row)
    return visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)


def retry_dead_letters(
    tx: Tx, org: int, wanted: DeadLetters, scope: Scope, caps: Caps | None
) -> Retried:
    """Put dead letters back, oldest first, their retries counted from 0.

    What is no dead letter, or outside the scope, is passed over.

    Raises:
        QuotaExceeded: the active jobs would pass their cap; nothing is changed.

    Contract: jobs, J21.
    """
    found = find_dead_letters(tx, org, wanted, scope)
    if caps is not None:
        check_room(tx, org, caps, "active_jobs", more=len(found))
    retried: list[Row] = []
    skipped: list[str] = []
    for job in found:
        try:
            _check_room_for_workflow_of(tx, org, job, caps)
        except QuotaExceeded:
            skipped.append(job["id"])
            continue
        row = _retry(tx, org, job["id"], starts_over=True)
        assert row is not None, "nothing changes a job between two statements of an operation"
        tell_dependents_later(tx, row)
        retried.append(row)
    hold_back(tx, retried)
    for workflow_id in dict.fromkeys(row["workflow_id"] for row in retried):
        if workflow_id is not None:
            for revived in revive_steps(tx, workflow_id):
                tell_dependents_later(tx, revived)
    return Retried([row["id"] for row in retried], skipped)


def _check_room_for_workflow_of(tx: Tx, org: int, job: Row, caps: Caps | None) -> None:
    """Raises QuotaExceeded when a step would start a finished workflow that is one too many."""
    if caps is None or job["workflow_id"] is None:
        return
    workflow = tx.row(workflow_statements.BY_ID, {"id": job["workflow_id"], "org": org})
    if workflow is not None and workflow["status"] == "failed":
        check_room(tx, org, caps, "workflows", more=1)


def _retry(tx: Tx, org: int, job_id: str, *, starts_over: bool) -> Row | None:
    before = tx.row(job_statements.BY_ID, {"id": job_id, "org": org})
    row = tx.row(
        statements.RETRY,
        {"id": job_id, "org": org, "starts_over": starts_over, "now_ms": tx.now_ms},
    )
    if row is None:
        return None
    assert before is not None, "the statement found it"
    tx.emit("job.retried", org, row=row, was=before["status"])
    announce_times(tx, row)
    return row
