"""Every statement about circuit breakers."""

from collections.abc import Mapping
from typing import Final, Literal, TypedDict

from spooled_lite.core.breakers.columns import BreakerRow, LimitsRow
from spooled_lite.storage.statement import Statement, Value

# Index breakers_of, as all that name a breaker.
FIND: Final = Statement(
    BreakerRow,
    """
SELECT scope, target, failures, opened_at_ms, open_until_ms, trial_job, trial_lease_id
  FROM breakers WHERE scope = :scope AND target = :target
""",
)

COUNT_FAILURE: Final = Value(
    int,
    """
INSERT INTO breakers (org, scope, target, failures) VALUES (:org, :scope, :target, 1)
    ON CONFLICT (scope, target) DO UPDATE SET failures = failures + 1
RETURNING failures
""",
)

OPEN: Final = """
UPDATE breakers
   SET opened_at_ms = :now_ms, open_until_ms = :open_until_ms,
       trial_job = NULL, trial_lease_id = NULL
 WHERE scope = :scope AND target = :target
"""

BEGIN_TRIAL: Final = """
UPDATE breakers SET trial_job = :job, trial_lease_id = :lease_id
 WHERE scope = :scope AND target = :target AND open_until_ms IS NOT NULL
"""

# Primary key. The attempts of these jobs end within sight of a breaker.
MARK_JOBS: Final = """
UPDATE jobs SET tells_breaker = 1
 WHERE tells_breaker = 0 AND seq IN (SELECT value FROM json_each(:seqs))
"""

# It is closed and has no failures: nothing is left to keep of it.
CLOSE: Final = "DELETE FROM breakers WHERE scope = :scope AND target = :target"

# The lease says whether the attempt is still under way, however it has ended.
IS_TRIED: Final = Value(
    int, "SELECT 1 FROM jobs WHERE seq = :trial_job AND lease_id = :trial_lease_id"
)


# -- tasks -----------------------------------------------------------------------------------------

# Index tasks_by_name.
LIMITS_OF_TASK: Final = Statement(
    LimitsRow,
    """
SELECT seq, circuit_breaker, max_concurrency FROM tasks
 WHERE org = :org AND name = :name AND deleted_at_ms IS NULL
   AND (circuit_breaker IS NOT NULL OR max_concurrency IS NOT NULL)
""",
)

# Index runs_running.
RUNNING_OF_TASK: Final = Value(
    int,
    """
SELECT count(*) FROM (
       SELECT 1 FROM jobs
        WHERE org = :org AND task_name = :name AND kind = 'task_run' AND status = 'processing'
        LIMIT :limit)
""",
)

# A hidden run is told from one with a delay, or that waits for a retry: its two times differ.
HIDE: Final = """
UPDATE jobs SET claimable = 0, run_at_ms = :until_ms, updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:seqs)) AND claimable = 1
"""

# Index runs_hidden, in its order: that of claims. The ends of those that come back are told, also
# when their task has no limits any more: each brings more of them.
SHOW_OF_TASK: Final = Value(
    str,
    """
UPDATE jobs SET claimable = 1, run_at_ms = NULL, tells_breaker = 1, updated_at_ms = :now_ms
 WHERE seq IN (
       SELECT seq FROM jobs
        WHERE org = :org AND task_name = :name AND kind = 'task_run' AND status = 'pending'
          AND run_at_ms IS NOT NULL AND run_at_ms IS NOT scheduled_at_ms
        ORDER BY priority DESC, created_at_ms, seq LIMIT :limit)
RETURNING queue_name
""",
)

# -- steps -----------------------------------------------------------------------------------------

# The primary key.
LIMITS_OF_STEP: Final = Statement(
    LimitsRow,
    """
SELECT seq, circuit_breaker, max_concurrency FROM step_guards
 WHERE seq = :name AND org = :org
   AND (circuit_breaker IS NOT NULL OR max_concurrency IS NOT NULL)
""",
)

# Index steps_running.
RUNNING_OF_STEP: Final = Value(
    int,
    """
SELECT count(*) FROM (
       SELECT 1 FROM jobs
        WHERE guard = :name AND lease_id IS NOT NULL AND +org = :org LIMIT :limit)
""",
)

# Index steps_hidden, as SHOW_OF_TASK.
SHOW_OF_STEP: Final = Value(
    str,
    """
UPDATE jobs SET claimable = 1, run_at_ms = NULL, tells_breaker = 1, updated_at_ms = :now_ms
 WHERE seq IN (
       SELECT seq FROM jobs
        WHERE guard = :name AND +org = :org AND status = 'pending'
          AND run_at_ms IS NOT NULL AND run_at_ms IS NOT scheduled_at_ms
        ORDER BY priority DESC, created_at_ms, seq LIMIT :limit)
RETURNING queue_name
""",
)

LIMITS_OF: Final[Mapping[Literal["task", "step"], Statement[LimitsRow]]] = {
    "task": LIMITS_OF_TASK,
    "step": LIMITS_OF_STEP,
}
RUNNING_OF: Final[Mapping[Literal["task", "step"], Value[int]]] = {
    "task": RUNNING_OF_TASK,
    "step": RUNNING_OF_STEP,
}
SHOW_OF: Final[Mapping[Literal["task", "step"], Value[str]]] = {
    "task": SHOW_OF_TASK,
    "step": SHOW_OF_STEP,
}

# -- what becomes of open ones -----------------------------------------------------------------


class FedLineRow(TypedDict):
    """A queue whose waiting claims may find something."""

    org: int
    queue_name: str


# Index breakers_open: those that let something through again, or have for a while.
HALF_OPEN: Final = Statement(
    FedLineRow,
    """
SELECT queues.org, queue_name FROM breakers CROSS JOIN queues ON queues.seq = breakers.target
 WHERE open_until_ms <= :now_ms AND +scope = 'queue' AND deleted_at_ms IS NULL
UNION ALL
SELECT tasks.org, queue_name FROM breakers CROSS JOIN tasks ON tasks.seq = breakers.target
 WHERE open_until_ms <= :now_ms AND +scope = 'task' AND deleted_at_ms IS NULL
UNION ALL
SELECT step_guards.org, queue_name
  FROM breakers CROSS JOIN step_guards ON step_guards.seq = breakers.target
 WHERE open_until_ms <= :now_ms AND +scope = 'step'
UNION ALL
SELECT step_guards.org, item_queue_name
  FROM breakers CROSS JOIN step_guards ON step_guards.seq = breakers.target
 WHERE open_until_ms <= :now_ms AND +scope = 'step'
""",
)

NEXT_HALF_OPEN: Final = Value(
    int, "SELECT min(open_until_ms) AS at_ms FROM breakers WHERE open_until_ms > :now_ms"
)

# All of them: there are as many as queues and tasks that fail.
SET_BACK: Final = """
UPDATE breakers SET open_until_ms = :now_ms + open_until_ms - opened_at_ms, opened_at_ms = :now_ms
 WHERE opened_at_ms > :now_ms
"""


class OpenCountRow(TypedDict):
    scope: str
    count: int


# Index breakers_open, with those that wait for an attempt to prove that they can be closed.
COUNT_OPEN: Final = Statement(
    OpenCountRow,
    """
SELECT scope, count(*) AS count FROM breakers WHERE open_until_ms IS NOT NULL GROUP BY scope
""",
)
