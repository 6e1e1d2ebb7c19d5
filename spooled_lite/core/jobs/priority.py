"""Moving a waiting job forward or back."""

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Tx


def set_priority(tx: Tx, org: int, job_id: str, priority: int, scope: Scope) -> tuple[int, JobRow]:
    """Set the priority of a job that waits; the one it had, and the changed row.

    Raises:
        NotFound: no such job in this organization and scope, or it is no longer waiting.

    Contract: jobs, J7.
    """
    before = tx.row(statements.BY_ID, {"id": job_id, "org": org})
    row = tx.row(
        statements.SET_PRIORITY,
        {"id": job_id, "org": org, "priority": priority, "now_ms": tx.now_ms},
    )
    if before is None or row is None or not scope.allows(row["queue_name"]):
        raise NotFound("Job not found, or it is no longer waiting")
    return before["priority"], row
