"""Every statement about what the job is told that follows the failure of a run."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.core.workflows.columns import FailedStepRow
from spooled_lite.storage.statement import Statement, Value

# Index jobs_of_workflow, as the two that follow.
FIRST_FAILED: Final = Statement(
    FailedStepRow,
    "SELECT step_key, last_error FROM jobs"
    " WHERE workflow_id = :workflow_id AND status IN ('failed', 'deadletter')"
    + VISIBLE
    + " ORDER BY step_position LIMIT 1",
)


class FailedStepJobRow(TypedDict):
    seq: int
    org: int
    status: str
    claims: int
    completed_at_ms: int | None
    last_error: str | None


STEP: Final = Statement(
    FailedStepJobRow,
    "SELECT seq, org, status, claims, completed_at_ms, last_error FROM jobs"
    " WHERE workflow_id = :workflow_id AND step_key = :key" + VISIBLE,
)

COMPLETED_STEPS: Final = Value(
    str,
    "SELECT step_key FROM jobs"
    " WHERE workflow_id = :workflow_id AND status = 'completed' AND state IS NOT 'skipped'"
    + VISIBLE
    + " ORDER BY step_position",
)

# Index jobs_by_completion: an item fails in the same moment as its step. Of very many items it is
# found by that at once.
FAILED_ITEM: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs
 WHERE org = :org AND completed_at_ms = :completed_at_ms AND step_job = :step
   AND status = 'deadletter'"""
    + VISIBLE
    + " ORDER BY seq LIMIT 1",
)

SIGNAL: Final = Value(
    bytes, "SELECT signal FROM step_states WHERE job = :step AND is_signalled = 1"
)
