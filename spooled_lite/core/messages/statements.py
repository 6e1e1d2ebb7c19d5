"""Every statement about messages; claiming one is in core/lifecycle."""

from typing import Final, TypedDict

from spooled_lite.core.jobs import columns
from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.core.jobs.statements import ALL_BYTES, VISIBLE, inserting
from spooled_lite.core.maintenance.statements import RemovedRow
from spooled_lite.storage.statement import Statement

INSERT: Final = inserting(columns.OF_MESSAGE)


class NamedMessageRow(TypedDict):
    """A message without what it says: a thousand are looked at together."""

    seq: int
    id: str
    status: str
    lease_id: str | None
    lease_expires_at_ms: int | None
    org: int
    queue_name: str
    kind: Kind
    task_name: str | None
    guard: int | None
    tells_breaker: int


# Index jobs_by_id, once for each id asked for.
NAMED: Final = Statement(
    NamedMessageRow,
    """
SELECT jobs.seq, jobs.id, status, lease_id, lease_expires_at_ms, org, queue_name, kind, task_name,
       guard, tells_breaker
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org AND queue = :queue AND kind = 'message'
""",
)

# What is read stays with its reader, for longer; what nobody holds is delayed.
HIDE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = CASE status WHEN 'processing' THEN 'processing' ELSE 'scheduled' END,
       claimable = 0,
       run_at_ms = CASE status WHEN 'processing' THEN NULL ELSE :until_ms END,
       scheduled_at_ms = CASE status WHEN 'processing' THEN scheduled_at_ms ELSE :until_ms END,
       lease_expires_at_ms = CASE status WHEN 'processing' THEN :until_ms END,
       updated_at_ms = :now_ms
 WHERE seq = :seq AND status IN ('pending', 'scheduled', 'processing')
RETURNING *
""",
)

DELETE: Final = Statement(
    RemovedRow,
    f"""
DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs))
RETURNING seq, queue, queue_name, org, kind, status, workflow_id, error_key, id,
          {ALL_BYTES} AS size_bytes
""",
)

# Index messages_due: what a read would hand out next, in its order.
VISIBLE_NOW: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs
 WHERE queue = :queue AND claimable = 1 AND kind = 'message'
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY priority DESC, created_at_ms, seq
 LIMIT :limit OFFSET :offset
""",
)

# Index jobs_by_queue, which has the kind: no row of another one is read.
_OF_QUEUE: Final = f"""
SELECT * FROM jobs INDEXED BY jobs_by_queue
 WHERE queue = :queue AND kind = 'message'{VISIBLE}"""
_OLDEST_FIRST: Final = " ORDER BY created_at_ms, seq LIMIT :limit OFFSET :offset"
OF_QUEUE: Final = Statement(JobRow, _OF_QUEUE + _OLDEST_FIRST)
HIDDEN: Final = Statement(
    JobRow,
    _OF_QUEUE + " AND claimable = 0 AND status IN ('pending', 'scheduled', 'processing')"
    " AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)" + _OLDEST_FIRST,
)
