"""Every statement about jobs that follow a failure."""

from typing import Final

from spooled_lite.core.jobs.columns import OF_ON_FAIL, JobRow
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.storage.statement import Statement

INSERT: Final = inserting(OF_ON_FAIL)

# Index jobs_on_fail, in its words: the newest, since a retried job may fail again.
FOLLOWING: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs
 WHERE on_fail_of = :id AND org = :org AND on_fail_of IS NOT NULL"""
    + VISIBLE
    + """
 ORDER BY seq DESC LIMIT 1
""",
)

# The same index. Those that nobody has begun with: each was stored pending and is due.
WITHDRAW: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', claimable = 0, run_at_ms = NULL, completed_at_ms = :now_ms,
       updated_at_ms = :now_ms, cancel_reason = :reason
 WHERE on_fail_of = :id AND org = :org AND on_fail_of IS NOT NULL
   AND status = 'pending' AND retry_count = 0"""
    + VISIBLE
    + """
RETURNING *
""",
)
