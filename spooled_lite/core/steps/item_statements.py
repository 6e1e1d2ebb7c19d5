"""Every statement about the items of steps, and about how far a step with items is."""

from typing import Final, TypedDict

from spooled_lite.core.jobs import columns
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.core.steps.columns import ReleasedRow
from spooled_lite.storage.statement import Statement, Value


class ItemsRow(TypedDict):
    """How far a step with items is; see the table `step_states`."""

    job: int
    items_total: int | None
    items_stored: int
    items_released: int
    items_open: int
    items_window: int
    items_done: int
    items_failed: int
    output_bytes: int
    source_offset: int
    is_produced: int
    work: str | None


_STANDING: Final = """job, items_total, items_stored, items_released, items_open, items_window,
       items_done, items_failed, output_bytes, source_offset, is_produced, work"""

STANDING: Final = Statement(ItemsRow, f"SELECT {_STANDING} FROM step_states WHERE job = :step")

# The row may be there: of a step that waited for a signal, or that comes back.
BEGIN: Final = Statement(
    ItemsRow,
    f"""
INSERT INTO step_states (job, org, items_window, gives_input)
VALUES (:step, :org, :window, :gives_input)
    ON CONFLICT (job) DO UPDATE SET items_window = :window, gives_input = :gives_input
RETURNING {_STANDING}
""",
)

KEEP: Final = """
UPDATE step_states
   SET items_total = :items_total, items_stored = :items_stored, items_released = :items_released,
       items_open = :items_open, items_done = :items_done, items_failed = :items_failed,
       source_offset = :source_offset, is_produced = :is_produced, work = :work
 WHERE job = :job
"""

ITEM_ENDED: Final = Statement(
    ItemsRow,
    f"""
UPDATE step_states
   SET items_done = items_done + 1, items_open = items_open - :was_open,
       items_failed = items_failed + :has_failed, output_bytes = output_bytes + :output_bytes
 WHERE job = :step
RETURNING {_STANDING}
""",
)

# -- the step --------------------------------------------------------------------------------

STEP: Final = Statement(JobRow, "SELECT * FROM jobs WHERE seq = :step" + VISIBLE)

# Its items stand for it: it is being processed, by no worker.
EXPAND: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'processing', state = 'waiting_for_map_tasks', claimable = 0, run_at_ms = NULL,
       dependencies_met = 1, started_at_ms = :now_ms, updated_at_ms = :now_ms
 WHERE seq = :step AND status IN ('pending', 'scheduled')
RETURNING *
""",
)

# The producer of a generator has ended, while items of it are open.
EXPAND_PRODUCER: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'processing', state = 'waiting_for_map_tasks', completed_at_ms = NULL,
       result = NULL, result_bytes = NULL, stop_reason = coalesce(stop_reason, :reason),
       updated_at_ms = :now_ms
 WHERE seq = :step AND status IN ('completed', 'cancelled')
RETURNING *
""",
)

# What it gives are the outputs of its items.
WITHOUT_RESULT: Final = Statement(
    JobRow,
    """
UPDATE jobs SET result = NULL, result_bytes = NULL WHERE seq = :step RETURNING *
""",
)

COMPLETE_STEP: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'completed', state = NULL, stop_reason = NULL, completed_at_ms = :now_ms,
       updated_at_ms = :now_ms
 WHERE seq = :step AND status = 'processing' AND state = 'waiting_for_map_tasks'
RETURNING *
""",
)

CANCEL_STEP: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', state = NULL, completed_at_ms = :now_ms, updated_at_ms = :now_ms
 WHERE seq = :step AND status = 'processing' AND state = 'waiting_for_map_tasks'
RETURNING *
""",
)

# Also of a generator whose producer runs, or waits for another attempt.
FAIL_STEP: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'deadletter', state = NULL, claimable = 0, run_at_ms = NULL, last_error = :error,
       error_key = :error_key, error_type = :error_type, traceback_bytes = NULL,
       completed_at_ms = :now_ms, updated_at_ms = :now_ms,
       stop_reason = CASE WHEN lease_id IS NOT NULL THEN :reason END,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq = :step AND status IN ('pending', 'scheduled', 'processing')
RETURNING *
""",
)

MARK_STOPPED: Final = """
UPDATE jobs SET stop_reason = :reason, updated_at_ms = :now_ms
 WHERE seq = :step AND status = 'processing' AND stop_reason IS NULL
"""

STEP_OF_ITEM: Final = Value(int, "SELECT step_job FROM jobs WHERE id = :id AND org = :org")


class LostItemRow(TypedDict):
    step_job: int
    dependencies_met: int  # 1: it was released, and so is one of those that are open


LOST_ITEM: Final = Statement(
    LostItemRow, "SELECT step_job, dependencies_met FROM jobs WHERE seq = :item"
)

# -- storing ---------------------------------------------------------------------------------

INSERT: Final = inserting(columns.OF_ITEM)


class SourceItemRow(TypedDict):
    item_index: int
    result: bytes | None
    checksum: int | None  # of a result that stands apart from its job


# Index items_of_step. What a map over the items of another step is made from: how long each result
# is, and then those that fit.
SOURCE_SIZES: Final = Value(
    int,
    """
SELECT coalesce(length(result), result_bytes, 4) AS size_bytes FROM jobs
 WHERE step_job = :source AND item_index >= :first ORDER BY item_index LIMIT :limit
""",
)
SOURCE_ITEMS: Final = Statement(
    SourceItemRow,
    """
SELECT item_index, coalesce(jobs.result, bodies.body) AS result, bodies.checksum
  FROM jobs LEFT JOIN job_bodies AS bodies ON bodies.job = jobs.seq AND bodies.which = 'result'
 WHERE step_job = :source AND item_index >= :first ORDER BY item_index LIMIT :limit
""",
)

# -- the window ------------------------------------------------------------------------------

# Index items_of_step, as the next three.
RELEASE: Final = Statement(
    ReleasedRow,
    """
UPDATE jobs
   SET dependencies_met = 1, claimable = (status = 'pending' AND run_at_ms IS NULL),
       updated_at_ms = :now_ms
 WHERE step_job = :step AND item_index >= :first AND item_index < :end
   AND status IN ('pending', 'scheduled') AND dependencies_met = 0"""
    + VISIBLE
    + " RETURNING org, queue_name, claimable",
)


class EndedItemRow(TypedDict):
    seq: int
    status: str


# Of a step that comes back: what had failed, and what was cancelled for that.
TO_BRING_BACK: Final = Statement(
    EndedItemRow,
    """
SELECT seq, status FROM jobs
 WHERE step_job = :step AND item_index >= :first AND item_index < :end
   AND (status = 'deadletter' OR (status = 'cancelled' AND cancelled_by_parent = 1))"""
    + VISIBLE,
)

BRING_BACK: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'pending', state = NULL, claimable = 1, dependencies_met = 1,
       cancelled_by_parent = 0, retry_count = 0, last_error = NULL, error_type = NULL,
       traceback_bytes = NULL, scheduled_at_ms = NULL, started_at_ms = NULL,
       completed_at_ms = NULL, settled_lease_id = NULL, stop_reason = NULL,
       updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:items))
RETURNING *
""",
)

# -- closing ---------------------------------------------------------------------------------


class OpenItemRow(TypedDict):
    seq: int
    status: str
    assigned_worker_id: str | None


# Index items_open.
OPEN: Final = Statement(
    OpenItemRow,
    """
SELECT seq, status, assigned_worker_id FROM jobs INDEXED BY items_open
 WHERE step_job = :step AND dependencies_met = 1
   AND (status = 'pending' OR status = 'scheduled' OR status = 'processing')"""
    + VISIBLE
    + " ORDER BY item_index",
)

# Index items_of_step.
UNRELEASED: Final = Statement(
    OpenItemRow,
    """
SELECT seq, status, assigned_worker_id FROM jobs
 WHERE step_job = :step AND item_index >= :first AND item_index < :end
   AND status IN ('pending', 'scheduled')"""
    + VISIBLE
    + " ORDER BY item_index",
)

CLOSE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', state = :state, claimable = 0, run_at_ms = NULL,
       cancelled_by_parent = :comes_back, stop_reason = :reason,
       last_error = coalesce(:error, last_error), completed_at_ms = :now_ms,
       updated_at_ms = :now_ms, assigned_worker_id = NULL, lease_id = NULL,
       lease_expires_at_ms = NULL
 WHERE seq IN (SELECT value FROM json_each(:items))
RETURNING *
""",
)

# Those that somebody has.
TELL_TO_STOP: Final = Statement(
    JobRow,
    """
UPDATE jobs SET stop_reason = :reason, updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:items)) AND stop_reason IS NULL
RETURNING *
""",
)

# -- what a loop has to do -------------------------------------------------------------------

# Index step_states_with_work: the organization after the last one that had its turn.
NEXT_ORG_WITH_WORK: Final = Value(
    int,
    """
SELECT org FROM step_states WHERE work IS NOT NULL AND org > :after ORDER BY org LIMIT 1
""",
)

# Index step_states_with_work: the step after the last one of the organization that had its turn.
NEXT_WITH_WORK: Final = Statement(
    ItemsRow,
    f"""
SELECT {_STANDING} FROM step_states
 WHERE work IS NOT NULL AND org = :org AND job > :after ORDER BY job LIMIT 1
""",
)
