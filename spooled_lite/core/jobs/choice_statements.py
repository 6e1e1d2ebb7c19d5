"""Statements that choose many jobs by a filter, a window of an index at a time."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.statements import LISTED, VISIBLE
from spooled_lite.storage.statement import Statement


class ChosenRow(TypedDict):
    seq: int
    id: str
    queue_name: str
    job_type: str
    status: str
    created_at_ms: int
    run_at_ms: int | None


class PlaceRow(TypedDict):
    created_at_ms: int
    seq: int


# The rows after one row and up to another, in the order of the index.
_BETWEEN: Final = """
   AND (created_at_ms, seq) > (:after_ms, :after_seq) AND (created_at_ms, seq) <= (:to_ms, :to_seq)
 ORDER BY created_at_ms, seq"""

# A value that is null filters nothing. Names and types are as in the lists of jobs (query.py). It
# is one term: of a dozen terms SQLite 3.40 expects so few rows that it sorts them again.
FILTERED: Final = (
    """
   AND CASE
       WHEN kind = 'message' OR kind = 'item' THEN 0
       WHEN queue <> :queue OR job_type <> :job_type OR completed_at_ms > :ended_by_ms THEN 0
       WHEN created_at_ms < :created_after_ms OR created_at_ms >= :created_before_ms THEN 0
       WHEN :error_key IS NOT NULL AND error_key IS NOT :error_key THEN 0
       WHEN :is_delayed IS NOT NULL AND run_at_ms IS NULL THEN 0
       WHEN :state = 'blocked' AND dependencies_met IS NOT 0 THEN 0
       WHEN :state = 'retrying'
            AND NOT (retry_count > 0 AND run_at_ms IS NOT NULL AND status = 'pending') THEN 0
       WHEN :queues IS NOT NULL AND queue NOT IN (SELECT value FROM json_each(:queues)) THEN 0
       WHEN :text IS NOT NULL
            AND NOT (substr(id, 1, length(:text)) = :text OR instr(lower(queue_name), :text)
                     OR instr(lower(job_type), :text)) THEN 0
       WHEN :text_pattern IS NOT NULL
            AND NOT (queue_name GLOB :text_pattern OR job_type GLOB :text_pattern) THEN 0
       WHEN :tag IS NOT NULL AND (tags IS NULL OR NOT EXISTS (
            SELECT 1 FROM json_each(CAST(tags AS TEXT)) AS each
             WHERE CASE json_type(CAST(tags AS TEXT)) WHEN 'array' THEN each.value = :tag
                        WHEN 'object' THEN each.key = :tag END)) THEN 0
       ELSE 1 END"""
    + VISIBLE
)
_COLUMNS: Final = "seq, id, queue_name, job_type, status, created_at_ms, run_at_ms"

# Index jobs_by_status; a window of it.
OF_STATUS: Final = Statement(
    ChosenRow,
    f"SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_by_status WHERE org = :org AND status = :status"
    f"{LISTED}{FILTERED}{_BETWEEN} LIMIT :limit",
)

# Index jobs_by_queue; a window of it.
OF_QUEUE: Final = Statement(
    ChosenRow,
    f"SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_by_queue"
    f" WHERE queue = :of_queue AND status = :status"
    f"{FILTERED}{_BETWEEN} LIMIT :limit",
)

# Index jobs_dead_by_error; a window of it.
OF_ERROR: Final = Statement(
    ChosenRow,
    f"SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_dead_by_error"
    " WHERE org = :org AND error_key = :error_key AND status = 'deadletter'"
    f"{FILTERED}{_BETWEEN} LIMIT :limit",
)

# The same indexes alone: the last row of a window that begins behind a row.
END_OF_STATUS: Final = Statement(
    PlaceRow,
    "SELECT created_at_ms, seq FROM jobs INDEXED BY jobs_by_status"
    f" WHERE org = :org AND status = :status{LISTED}{_BETWEEN} LIMIT 1 OFFSET :looked_at",
)
END_OF_QUEUE: Final = Statement(
    PlaceRow,
    "SELECT created_at_ms, seq FROM jobs INDEXED BY jobs_by_queue"
    f" WHERE queue = :of_queue{_BETWEEN} LIMIT 1 OFFSET :looked_at",
)

END_OF_ERROR: Final = Statement(
    PlaceRow,
    "SELECT created_at_ms, seq FROM jobs INDEXED BY jobs_dead_by_error"
    " WHERE org = :org AND error_key = :error_key AND status = 'deadletter'"
    f"{_BETWEEN} LIMIT 1 OFFSET :looked_at",
)

# Index jobs_newest, its last row.
NEWEST: Final = Statement(
    PlaceRow,
    f"""
SELECT created_at_ms, seq FROM jobs WHERE org = :org{LISTED}
 ORDER BY created_at_ms DESC, seq DESC LIMIT 1
""",
)

# Index jobs_by_queue, its last row of a queue.
NEWEST_OF_QUEUE: Final = Statement(
    PlaceRow,
    """
SELECT created_at_ms, seq FROM jobs WHERE queue = :queue
 ORDER BY created_at_ms DESC, seq DESC LIMIT 1
""",
)

# Index jobs_by_id, once for each id asked for. An item is not acted on alone.
NAMED: Final = Statement(
    ChosenRow,
    """
SELECT jobs.seq, jobs.id, queue_name, job_type, status, created_at_ms, run_at_ms
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org AND kind <> 'item'"""
    + VISIBLE,
)
