"""Every statement about leases whose ids claims have chosen."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.columns import BY_USE, JobRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.storage.statement import Statement, Value


class NamedLeaseRow(TypedDict):
    seq: int
    worker_id: str
    jobs: str  # their numbers, a JSON array


FIND: Final = Statement(
    NamedLeaseRow,
    "SELECT seq, worker_id, jobs FROM named_leases WHERE org = :org AND lease_id = :lease_id",
)
KEEP: Final = """
INSERT INTO named_leases (org, lease_id, worker_id, jobs, created_at_ms)
VALUES (:org, :lease_id, :worker_id, :jobs, :now_ms)
"""
MARK_REPEATED: Final = "UPDATE named_leases SET is_repeated = 1 WHERE seq = :seq"
IS_REPEATED: Final = Value(
    int, "SELECT is_repeated FROM named_leases WHERE org = :org AND lease_id = :lease_id"
)
FORGET: Final = "DELETE FROM named_leases WHERE org = :org AND lease_id = :lease_id"
# Index named_leases_oldest.
FORGET_OLD: Final = """
DELETE FROM named_leases WHERE seq IN (
       SELECT seq FROM named_leases WHERE created_at_ms < :before_ms
        ORDER BY created_at_ms LIMIT :limit)
"""
# Those of the numbers that are still held, in the order of claims.
STILL_HELD_UNDER: Final = Statement(
    JobRow,
    f"""
SELECT {BY_USE} FROM jobs
 WHERE seq IN (SELECT value FROM json_each(:jobs))
   AND org = :org AND status = 'processing' AND lease_id = :lease_id
   AND lease_expires_at_ms > :now_ms{VISIBLE}
 ORDER BY priority DESC, created_at_ms, seq
""",
)
