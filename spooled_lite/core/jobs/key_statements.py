"""Every statement about concurrency keys."""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.storage.statement import Statement

# Index jobs_by_concurrency_key, in its words, so that SQLite takes it.
HOLDER: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs
 WHERE queue = :queue AND concurrency_key = :concurrency_key
   AND concurrency_key IS NOT NULL AND kind <> 'task_run'
   AND (status = 'pending' OR status = 'scheduled' OR status = 'processing')
""",
)

# Index runs_by_concurrency_key, in its words, so that SQLite takes it.
HOLDING_RUN: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs
 WHERE org = :org AND task_name = :task_name AND concurrency_key = :concurrency_key
   AND concurrency_key IS NOT NULL AND kind = 'task_run'
   AND (status = 'pending' OR status = 'scheduled' OR status = 'processing')
""",
)

GIVE_UP: Final = "UPDATE jobs SET concurrency_key = NULL WHERE seq = :seq"

# For the UPDATE that lets a finished job wait again: another may have its key by now, and then it
# goes on without. Indexes jobs_by_concurrency_key and runs_by_concurrency_key, in their words.
KEY_IF_FREE: Final = """CASE
       WHEN concurrency_key IS NULL THEN NULL
       WHEN kind = 'task_run' AND EXISTS (
            SELECT 1 FROM jobs AS other
             WHERE other.org = jobs.org AND other.task_name = jobs.task_name
               AND other.concurrency_key = jobs.concurrency_key
               AND other.concurrency_key IS NOT NULL AND other.kind = 'task_run'
               AND (other.status = 'pending' OR other.status = 'scheduled'
                    OR other.status = 'processing')) THEN NULL
       WHEN kind <> 'task_run' AND EXISTS (
            SELECT 1 FROM jobs AS other
             WHERE other.queue = jobs.queue AND other.concurrency_key = jobs.concurrency_key
               AND other.concurrency_key IS NOT NULL AND other.kind <> 'task_run'
               AND (other.status = 'pending' OR other.status = 'scheduled'
                    OR other.status = 'processing')) THEN NULL
       ELSE concurrency_key END"""
