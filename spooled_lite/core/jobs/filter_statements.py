"""What the filters and orders of lists of jobs are in SQL."""

from collections.abc import Mapping
from typing import Final, Literal

from spooled_lite.core.jobs import statements

StateWord = Literal[
    "queued",
    "waiting_for_dependencies",
    "waiting_for_signal",
    "waiting_for_map_tasks",
    "started",
    "completed",
    "skipped",
    "failed",
    "canceled",
    "expired",
]

_WAITS: Final = "status IN ('pending', 'scheduled') AND dependencies_met IS NOT 0"
_RETRIED: Final = """retry_count > 0
       AND (kind = 'task_run' OR phase IS NOT NULL OR run_at_ms IS NOT NULL)"""
_BLOCKED: Final = "status IN ('pending', 'scheduled') AND dependencies_met = 0"
# What was closed with its run says in `state` as what: `failed` or `canceled`.
_CANCELLED: Final = "status = 'cancelled' AND state IS NOT 'failed'"
_HAS_EXPIRED: Final = """(stop_reason IS 'expired'
       OR coalesce(expires_at_ms <= coalesce(completed_at_ms, 0), 0))"""

# What `states.state_of` says of a row. Contract: catbird-capabilities, section 19.2.
OF_STATE: Final[Mapping[StateWord, str]] = {
    "queued": f"{_WAITS} AND NOT ({_RETRIED})",
    "waiting_for_dependencies": f"{_BLOCKED} AND state IS NOT 'waiting_for_signal'",
    "waiting_for_signal": f"{_BLOCKED} AND state = 'waiting_for_signal'",
    "waiting_for_map_tasks": "status = 'processing' AND lease_id IS NULL",
    "started": f"(status = 'processing' AND lease_id IS NOT NULL OR {_WAITS} AND {_RETRIED})",
    "completed": "status = 'completed' AND state IS NOT 'skipped'",
    "skipped": "status = 'completed' AND state = 'skipped'",
    "failed": "(status IN ('failed', 'deadletter') OR status = 'cancelled' AND state = 'failed')",
    "canceled": f"{_CANCELLED} AND (state IS 'canceled' OR NOT {_HAS_EXPIRED})",
    "expired": f"{_CANCELLED} AND state IS NOT 'canceled' AND {_HAS_EXPIRED}",
}

# Fragments of constants, joined with AND; values are always bound.
FRAGMENTS: Final[Mapping[str, str]] = {
    "queue": "queue = :queue",
    "queues": "queue IN (SELECT value FROM json_each(:queues))",
    "listed": statements.LISTED.removeprefix(" AND "),
    "kind": "kind = :kind",
    # With the words that the partial index has, so that SQLite takes it.
    "other_kind": "kind = :kind AND kind <> 'job' AND kind <> 'step'",
    "run": "kind = 'task_run' AND task_name = :task_name",
    "task_name": "task_name = :task_name",
    "status": "status = :status",
    "statuses": "status IN (SELECT value FROM json_each(:statuses))",
    "job_type": "job_type <> '' AND job_type = :job_type",
    "created_after_ms": "created_at_ms >= :created_after_ms",
    "created_before_ms": "created_at_ms < :created_before_ms",
    "finished_after_ms": "completed_at_ms >= :finished_after_ms",
    "finished_before_ms": "completed_at_ms < :finished_before_ms",
    "workflow_id": "workflow_id = :workflow_id",
    # The words that the partial index of these has, so that SQLite takes it.
    "deadletter": "status = 'deadletter'",
    "completed": "completed_at_ms IS NOT NULL",
    "not_completed": "completed_at_ms IS NULL",
    # By index. A text of eight hexadecimal digits is hardly ever part of a job type or a queue.
    "id_text": """seq IN (SELECT seq FROM jobs WHERE id >= :text AND id < :text_end
        UNION ALL SELECT seq FROM jobs WHERE queue IN (
            SELECT seq FROM queues WHERE org = :org AND instr(lower(queue_name), :text)))""",
    "text": """(substr(id, 1, length(:text)) = :text OR instr(lower(queue_name), :text)
                OR instr(lower(job_type), :text))""",
    # The same for letters beyond ASCII. No id has any.
    "text_pattern": "(queue_name GLOB :text_pattern OR job_type GLOB :text_pattern)",
    # An element of an array, or a key of an object: contract jobs, J2.
    "tag": """(tags IS NOT NULL AND EXISTS (
        SELECT 1 FROM json_each(CAST(tags AS TEXT)) AS each
         WHERE CASE json_type(CAST(tags AS TEXT)) WHEN 'array' THEN each.value = :tag
                    WHEN 'object' THEN each.key = :tag END))""",
    **{f"state.{word}": fragment for word, fragment in OF_STATE.items()},
}

# What few jobs have in common, and the index that has them. A list of these sorts what the index
# has of them, and reads the rows of its page alone.
FEW: Final[Mapping[str, tuple[str, str]]] = {
    "worker_id": (
        "jobs_by_status",
        "org = :org AND status = 'processing' AND assigned_worker_id = :worker_id",
    ),
    # By queue: the index has no column for the organization.
    "retrying": (
        "jobs_held_back",
        "claimable = 0 AND status = 'pending' AND status IN ('pending', 'scheduled')"
        " AND dependencies_met IS NOT 0",
    ),
    "blocked": (
        "jobs_held_back",
        "claimable = 0 AND status IN ('pending', 'scheduled') AND dependencies_met = 0",
    ),
    # Its order is that of creation: there, nothing is sorted.
    "error_key": (
        "jobs_dead_by_error",
        "org = :org AND error_key = :error_key AND status = 'deadletter'",
    ),
}

ORDER_COLUMNS: Final[Mapping[str, str]] = {
    "created_at": "created_at_ms",
    "updated_at": "updated_at_ms",
    "scheduled_at": "scheduled_at_ms",
    "completed_at": "completed_at_ms",
    "finished_at": "completed_at_ms",
    "priority": "priority",
    "status": "status",
    "queue_name": "queue_name",
    "retry_count": "retry_count",
}
