"""Moving waiting jobs forward or back."""

from collections.abc import Sequence

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.choice import find_named
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Tx


def set_priority(tx: Tx, org: int, job_id: str, priority: int, scope: Scope) -> tuple[int, JobRow]:
    """Set the priority of a waiting job; returns its old priority and the changed row.

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


def set_priorities(tx: Tx, org: int, job_ids: Sequence[str], priority: int, scope: Scope) -> int:
    """Set the priority of the waiting ones among a few jobs; returns how many. One pass."""
    asked = {"org": org, "priority": priority, "now_ms": tx.now_ms}
    named = find_named(tx, org, job_ids, scope)
    changed = (tx.row(statements.SET_PRIORITY, {**asked, "id": job["id"]}) for job in named)
    return sum(row is not None for row in changed)
