"""Every statement that makes jobs claimable, and that hands them out."""

from typing import Final, TypedDict

from spooled_lite.core.breakers.work_limits import WorkRow
from spooled_lite.core.jobs.columns import BY_USE, JobRow, StepPhase
from spooled_lite.core.jobs.passes import NextRow
from spooled_lite.core.jobs.statements import ALL_BYTES, ROW_BYTES, VISIBLE
from spooled_lite.storage.statement import Statement, Value

# -- claim -----------------------------------------------------------------------------------


_HANDED_OUT: Final = """
   SET status = 'processing', claimable = 0,
       assigned_worker_id = :worker_id, lease_id = :lease_id,
       lease_expires_at_ms = :lease_expires_at_ms, settled_lease_id = NULL,
       started_at_ms = :now_ms, updated_at_ms = :now_ms, claims = claims + 1,
       progress = NULL, progress_message = NULL"""


# What an answer has of the input of a run and of a signal, as often as it shows them; items of a
# step that does not give them the input have none of it. Only steps and items of workflows with a
# document are looked at: by primary keys, workflows.id and workflow_bodies_of_workflow. SQLite
# knows the length of a blob without reading it.
_GIVEN_BYTES: Final = """CASE WHEN phase IS NULL THEN 0 ELSE 2 * (
       SELECT coalesce(sum(length(inputs.body)), 0) + coalesce(sum(length(states.signal)), 0)
         FROM jobs AS steps
              CROSS JOIN workflows ON workflows.id = steps.workflow_id
              LEFT JOIN step_states AS states ON states.job = steps.seq
              LEFT JOIN workflow_bodies AS inputs
                     ON inputs.workflow = workflows.seq AND inputs.which = 'input'
                        AND (jobs.phase <> 'item' OR states.gives_input = 1)
        WHERE steps.seq = coalesce(jobs.step_job, jobs.seq)) END"""
# All that an answer has of a job, but for the results of those it waited for.
_HANDED_BYTES: Final = f"{ALL_BYTES} + {_GIVEN_BYTES}"


# Highest priority first, then oldest, then as stored. Never sorts: walks index
#   jobs_due (queue, priority DESC, created_at_ms, seq) WHERE claimable = 1
# `claimable` is 0 for delayed, blocked and retry-waiting rows, so they are not in the index.
def _claim(of_kind: str = "") -> Statement[JobRow]:
    return Statement(
        JobRow,
        f"""
UPDATE jobs{_HANDED_OUT}
 WHERE seq IN (
       SELECT seq FROM jobs
        WHERE queue = :queue AND claimable = 1{of_kind}
          AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
        ORDER BY priority DESC, created_at_ms, seq
        LIMIT :limit)
RETURNING {BY_USE}
""",
    )


def _sizes(of_kind: str = "") -> Value[int]:
    """The sizes of the jobs that a claim takes next, in its order, for a claim of several jobs."""
    return Value(
        int,
        f"""
SELECT {_HANDED_BYTES} AS size_bytes FROM jobs
 WHERE queue = :queue AND claimable = 1{of_kind}
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY priority DESC, created_at_ms, seq
 LIMIT :limit
""",
    )


CLAIM: Final = _claim()
SIZES: Final = _sizes()
# Index messages_due, which has the messages of jobs_due.
CLAIM_MESSAGES: Final = _claim(" AND kind = 'message'")
SIZES_OF_MESSAGES: Final = _sizes(" AND kind = 'message'")


class InLineRow(WorkRow):
    """A job that waits for a claim, and what says whether it may be handed out."""

    seq: int
    size_bytes: int


# Index jobs_due, as CLAIM.
IN_LINE: Final = Statement(
    InLineRow,
    f"""
SELECT seq, kind, task_name, guard, {_HANDED_BYTES} AS size_bytes FROM jobs
 WHERE queue = :queue AND claimable = 1 AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY priority DESC, created_at_ms, seq
 LIMIT :limit OFFSET :offset
""",
)


class DueWorkRow(WorkRow):
    """A run, a step or an item that may be handed out, with what its place in the order needs."""

    seq: int
    priority: int
    created_at_ms: int
    queue: int
    size_bytes: int


_DUE: Final = "seq, kind, task_name, guard, priority, created_at_ms, queue"

# Index runs_due, as the next one.
DUE_RUNS: Final = Statement(
    DueWorkRow,
    f"""
SELECT {_DUE}, {ALL_BYTES} AS size_bytes FROM jobs
 WHERE org = :org AND task_name = :task_name AND queue = :queue
   AND claimable = 1 AND kind = 'task_run'
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY priority DESC, created_at_ms, seq
 LIMIT :limit OFFSET :offset
""",
)
NEXT_QUEUE_OF_TASK: Final = Value(
    int,
    """
SELECT queue FROM jobs
 WHERE org = :org AND task_name = :task_name AND queue > :after
   AND claimable = 1 AND kind = 'task_run'
 ORDER BY queue LIMIT 1
""",
)

# Index steps_due, as the next one.
DUE_STEPS: Final = Statement(
    DueWorkRow,
    f"""
SELECT {_DUE}, {_HANDED_BYTES} AS size_bytes FROM jobs
 WHERE org = :org AND flow_name = :flow_name AND step_key = :step_key AND phase = :phase
   AND queue = :queue AND claimable = 1
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY priority DESC, created_at_ms, seq
 LIMIT :limit OFFSET :offset
""",
)


class StepPlaceRow(TypedDict):
    """Where a step of a flow waits, or its items."""

    phase: StepPhase
    queue: int


NEXT_PLACE_OF_STEP: Final = Statement(
    StepPlaceRow,
    """
SELECT phase, queue FROM jobs
 WHERE org = :org AND flow_name = :flow_name AND step_key = :step_key
   AND (phase, queue) > (:phase, :queue) AND claimable = 1
 ORDER BY phase, queue LIMIT 1
""",
)
# The primary key.
CLAIM_THESE: Final = Statement(
    JobRow,
    f"""
UPDATE jobs{_HANDED_OUT}
 WHERE seq IN (SELECT value FROM json_each(:seqs)) AND claimable = 1
RETURNING {BY_USE}
""",
)

# -- promote ---------------------------------------------------------------------------------


class DueJobRow(TypedDict):
    seq: int
    status: str
    size_bytes: int


# Index jobs_to_promote_of_queue.
DUE_OF_QUEUE: Final = Statement(
    DueJobRow,
    f"""
SELECT seq, status, {ROW_BYTES} AS size_bytes FROM jobs
 WHERE queue = :queue AND run_at_ms <= :now_ms
 ORDER BY run_at_ms LIMIT :limit
""",
)

# Index jobs_to_promote.
DUE: Final = Statement(
    DueJobRow,
    f"SELECT seq, status, {ROW_BYTES} AS size_bytes FROM jobs WHERE run_at_ms <= :now_ms"
    + VISIBLE
    + " ORDER BY run_at_ms LIMIT :limit",
)

NEXT_PROMOTION: Final = Statement(
    NextRow,
    "SELECT run_at_ms AS at_ms, updated_at_ms FROM jobs WHERE run_at_ms IS NOT NULL"
    + VISIBLE
    + " ORDER BY run_at_ms LIMIT 1",
)

PROMOTE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'pending', run_at_ms = NULL, claimable = (dependencies_met IS NOT 0),
       updated_at_ms = :now_ms
 WHERE seq = :seq AND run_at_ms <= :now_ms
RETURNING *
""",
)

# Index jobs_by_id. It may come before the job is due.
RUN_NOW: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'pending', run_at_ms = NULL, claimable = (dependencies_met IS NOT 0),
       updated_at_ms = :now_ms
 WHERE id = :id AND org = :org AND run_at_ms IS NOT NULL"""
    + VISIBLE
    + """
RETURNING *
""",
)
