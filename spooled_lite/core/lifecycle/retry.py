"""Another chance by hand, for jobs whose attempts ran out."""

from msgspec import Struct

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.dead_letters import DeadLetters, find_dead_letters
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.dependents import tell_dependents, tell_dependents_later
from spooled_lite.core.lifecycle.fence import visible
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.errors import Conflict
from spooled_lite.events import Row
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx


class Retried(Struct, frozen=True):
    job_ids: list[str]
    skipped: list[str]  # steps left behind because of a workflow cap


def retry(tx: Tx, org: int, job_id: str, scope: Scope) -> Row:
    """Put a dead letter back into its queue at once, one retry further.

    Raises:
        NotFound: no such job in this organization and scope.
        Conflict: the job is no dead letter.

    Contract: jobs, J6.
    """
    row = _retry(tx, org, job_id, starts_over=False)
    if row is None:
        job = visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)
        raise Conflict(f"Only failed jobs can be retried; this one is {job['status']}")
    tell_dependents(tx, row)
    return visible(row, scope)  # a refusal takes the change back


def retry_dead_letters(
    tx: Tx, org: int, wanted: DeadLetters, scope: Scope, caps: Caps | None
) -> Retried:
    """Put dead letters back, oldest first, their retries counted from 0.

    What is no dead letter, or outside the scope, is passed over.

    Raises:
        QuotaExceeded: the active jobs would pass their cap; nothing is changed.

    Contract: jobs, J21.
    """
    job_ids = [row["id"] for row in find_dead_letters(tx, org, wanted, scope)]
    if caps is not None:
        check_room(tx, org, caps, "active_jobs", more=len(job_ids))
    for job_id in job_ids:
        row = _retry(tx, org, job_id, starts_over=True)
        assert row is not None, "nothing changes a job between two statements of an operation"
        tell_dependents_later(tx, row)
    return Retried(job_ids=job_ids, skipped=[])


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
