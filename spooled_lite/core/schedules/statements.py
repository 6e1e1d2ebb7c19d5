"""Every statement about schedules and their runs."""

from typing import Final

from spooled_lite.core.jobs.passes import NextRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.core.orgs.statements import IS_OPEN
from spooled_lite.core.schedules.columns import (
    AheadRow,
    DueScheduleRow,
    ListedScheduleRow,
    RunRow,
    ScheduleOfAnyOrgRow,
    ScheduleRow,
    UpcomingRow,
)
from spooled_lite.storage.statement import Statement, Value

# The unique index of schedules.id. A deleted schedule is hidden at once.
BY_ID: Final = Statement(
    ScheduleRow,
    """
SELECT * FROM schedules WHERE id = :id AND org = :org AND deleted_at_ms IS NULL
""",
)

INSERT: Final = Statement(
    ScheduleRow,
    """
INSERT INTO schedules (id, org, name, description, cron_expression, timezone, queue_name,
                       task_name, flow_name, is_of_task, payload_template, priority, max_retries,
                       timeout_seconds, is_active, catch_up, misfire_grace_seconds, tags,
                       metadata, next_run_at_ms, created_at_ms, updated_at_ms)
VALUES (:id, :org, :name, :description, :cron_expression, :timezone, :queue_name,
        :task_name, :flow_name, :is_of_task, :payload_template, :priority, :max_retries,
        :timeout_seconds, :is_active, :catch_up, :misfire_grace_seconds, :tags,
        :metadata, :next_run_at_ms, :now_ms, :now_ms)
RETURNING *
""",
)

# Every column a caller can set; the operation also gives the values of those that stay.
UPDATE: Final = Statement(
    ScheduleRow,
    """
UPDATE schedules
   SET name = :name, description = :description, cron_expression = :cron_expression,
       timezone = :timezone, payload_template = :payload_template, priority = :priority,
       max_retries = :max_retries, timeout_seconds = :timeout_seconds, is_active = :is_active,
       catch_up = :catch_up, misfire_grace_seconds = :misfire_grace_seconds, tags = :tags,
       metadata = :metadata,
       next_run_at_ms = :next_run_at_ms, caught_up = :caught_up, updated_at_ms = :now_ms
 WHERE seq = :seq AND deleted_at_ms IS NULL
RETURNING *
""",
)

PAUSE: Final = Statement(
    ScheduleRow,
    """
UPDATE schedules SET is_active = 0, updated_at_ms = :now_ms
 WHERE seq = :seq AND is_active = 1
RETURNING *
""",
)

# -- of tasks ------------------------------------------------------------------------------------

# Index schedules_of_task.
OF_TASK: Final = Statement(
    ScheduleRow,
    """
SELECT * FROM schedules
 WHERE org = :org AND task_name = :task_name AND is_of_task = 1 AND deleted_at_ms IS NULL
""",
)

# Index schedules_running_tasks, as the one that follows.
FOLLOW_TASK: Final = """
UPDATE schedules SET queue_name = :queue_name
 WHERE org = :org AND task_name = :task_name AND task_name IS NOT NULL AND deleted_at_ms IS NULL
"""

MARK_DELETED_WITH_TASK: Final = """
UPDATE schedules SET deleted_at_ms = :now_ms, is_active = 0, updated_at_ms = :now_ms
 WHERE org = :org AND task_name = :task_name AND task_name IS NOT NULL AND deleted_at_ms IS NULL
"""

# -- of flows ------------------------------------------------------------------------------------

# Index schedules_of_flow.
OF_FLOW: Final = Statement(
    ScheduleRow,
    """
SELECT * FROM schedules
 WHERE org = :org AND flow_name = :flow_name AND flow_name IS NOT NULL AND is_of_task = 1
   AND deleted_at_ms IS NULL
""",
)

# Index schedules_running_flows, as the one that follows.
FOLLOW_FLOW: Final = """
UPDATE schedules SET queue_name = :queue_name
 WHERE org = :org AND flow_name = :flow_name AND flow_name IS NOT NULL AND deleted_at_ms IS NULL
"""

MARK_DELETED_WITH_FLOW: Final = """
UPDATE schedules SET deleted_at_ms = :now_ms, is_active = 0, updated_at_ms = :now_ms
 WHERE org = :org AND flow_name = :flow_name AND flow_name IS NOT NULL AND deleted_at_ms IS NULL
"""

# -- deleting --------------------------------------------------------------------------------

MARK_DELETED: Final = """
UPDATE schedules SET deleted_at_ms = :now_ms, is_active = 0, updated_at_ms = :now_ms
 WHERE seq = :seq AND deleted_at_ms IS NULL
"""

# Index schedules_deleted.
NEXT_DELETED: Final = Value(
    int,
    """
SELECT seq FROM schedules WHERE org = :org AND deleted_at_ms IS NOT NULL ORDER BY seq LIMIT 1
""",
)

# Index schedule_runs_newest.
DELETE_RUNS: Final = """
DELETE FROM schedule_runs WHERE seq IN (
       SELECT seq FROM schedule_runs WHERE schedule = :schedule
        ORDER BY started_at_ms, seq LIMIT :limit)
"""

DELETE: Final = "DELETE FROM schedules WHERE seq = :seq"

# Index schedule_runs_by_age.
DELETE_OLD_RUNS: Final = """
DELETE FROM schedule_runs WHERE seq IN (
       SELECT seq FROM schedule_runs WHERE org = :org AND started_at_ms < :started_before_ms
        ORDER BY started_at_ms LIMIT :limit)
"""

# -- firing ----------------------------------------------------------------------------------

# Schedules of a deleted organization are deleted with it; those of a closed one wait until it is
# open again.
_OF_OPEN_ORG: Final = (
    " AND EXISTS (SELECT 1 FROM organizations WHERE seq = schedules.org AND " + IS_OPEN + ")"
)

# Index schedules_due, the one that is overdue longest first. The template may be large, and is not
# read.
DUE: Final = Statement(
    DueScheduleRow,
    """
SELECT seq, cron_expression, timezone, catch_up, misfire_grace_seconds, next_run_at_ms, caught_up,
       length(payload_template) + coalesce(length(tags), 0) AS size_bytes
  FROM schedules
 WHERE is_active = 1 AND next_run_at_ms <= :now_ms"""
    + _OF_OPEN_ORG
    + " ORDER BY next_run_at_ms LIMIT :limit",
)

# Index schedules_due: the first row of it. While an organization was closed, its slots could not
# fire: `updated_at_ms` says when it was opened again.
NEXT_SLOT: Final = Statement(
    NextRow,
    """
SELECT next_run_at_ms AS at_ms,
       max(updated_at_ms, (SELECT updated_at_ms FROM organizations WHERE seq = schedules.org))
           AS updated_at_ms
  FROM schedules
 WHERE is_active = 1 AND next_run_at_ms IS NOT NULL"""
    + _OF_OPEN_ORG
    + " ORDER BY next_run_at_ms LIMIT 1",
)

# The WHERE has all columns that the decision came from: if one has changed, it must be made again.
AS_DECIDED: Final = Statement(
    ScheduleRow,
    """
SELECT * FROM schedules
 WHERE seq = :seq AND is_active = 1 AND next_run_at_ms = :was_next_run_at_ms
   AND cron_expression = :cron_expression AND timezone = :timezone AND catch_up = :catch_up
""",
)

# Unique index schedule_runs_by_slot: gives no row for a slot that has fired before.
TAKE_SLOT: Final = Value(
    int,
    """
INSERT INTO schedule_runs (id, org, schedule, slot_at_ms, status, started_at_ms)
VALUES (:id, :org, :schedule, :slot_at_ms, 'running', :now_ms)
    ON CONFLICT (schedule, slot_at_ms) WHERE slot_at_ms IS NOT NULL DO NOTHING
RETURNING seq
""",
)

END_RUN: Final = """
UPDATE schedule_runs
   SET status = :status, job_id = :job_id, error_message = :error_message,
       completed_at_ms = :now_ms
 WHERE seq = :seq AND status = 'running'
"""

ADVANCE: Final = Statement(
    ScheduleRow,
    """
UPDATE schedules
   SET next_run_at_ms = :next_run_at_ms, caught_up = :caught_up,
       run_count = run_count + :runs, failed_count = failed_count + :failures,
       last_run_at_ms = CASE WHEN :runs > 0 THEN :now_ms ELSE last_run_at_ms END,
       last_scheduled_for_ms = coalesce(:last_slot_ms, last_scheduled_for_ms)
 WHERE seq = :seq AND next_run_at_ms = :was_next_run_at_ms
RETURNING *
""",
)

# -- after the clock was set back ------------------------------------------------------------

# The primary key, from where the last page ended; unique index schedule_runs_by_slot.
AHEAD: Final = Statement(
    AheadRow,
    """
SELECT seq, cron_expression, timezone, next_run_at_ms,
       (SELECT max(slot_at_ms) FROM schedule_runs
         WHERE schedule = schedules.seq AND slot_at_ms IS NOT NULL) AS last_slot_ms
  FROM schedules
 WHERE is_active = 1 AND (next_run_at_ms IS NULL OR next_run_at_ms > :now_ms) AND seq > :after
 ORDER BY seq LIMIT :limit
""",
)

SET_BACK: Final = Statement(
    ScheduleRow,
    """
UPDATE schedules SET next_run_at_ms = :next_run_at_ms, caught_up = 0
 WHERE seq = :seq AND is_active = 1 AND next_run_at_ms IS :was_next_run_at_ms
RETURNING *
""",
)

# -- triggering ------------------------------------------------------------------------------

ADD_RUN: Final = """
INSERT INTO schedule_runs (id, org, schedule, job_id, status, started_at_ms, completed_at_ms)
VALUES (:id, :org, :schedule, :job_id, 'completed', :now_ms, :now_ms)
"""

COUNT_RUN: Final = Statement(
    ScheduleRow,
    """
UPDATE schedules SET run_count = run_count + 1, last_run_at_ms = :now_ms
 WHERE seq = :seq
RETURNING *
""",
)

# -- reading ---------------------------------------------------------------------------------

# Index schedules_by_queue: for a key with a queue scope.
QUEUE_NAMES: Final = Value(
    str,
    """
SELECT DISTINCT queue_name FROM schedules WHERE org = :org AND deleted_at_ms IS NULL
 ORDER BY queue_name
""",
)

# Index schedules_active: the schedules of one organization, sorted by their next slots.
UPCOMING: Final = Statement(
    UpcomingRow,
    """
SELECT id, name, queue_name, cron_expression, timezone, next_run_at_ms
  FROM schedules
 WHERE org = :org AND is_active = 1 AND next_run_at_ms < :until_ms
   AND (:queue_names IS NULL OR queue_name IN (SELECT value FROM json_each(:queue_names)))
 ORDER BY next_run_at_ms, seq LIMIT :limit
""",
)

_LISTED: Final = """schedules.seq, schedules.id, schedules.name, schedules.description,
       cron_expression, timezone, queue_name, priority, max_retries, timeout_seconds,
       schedules.is_active, catch_up, misfire_grace_seconds, task_name, flow_name, tags,
       metadata,
       last_run_at_ms, last_scheduled_for_ms, next_run_at_ms, run_count, failed_count,
       schedules.created_at_ms, schedules.updated_at_ms,
       NULL AS payload_template, length(payload_template) AS size_bytes"""

TEMPLATE: Final = Value(bytes, "SELECT payload_template FROM schedules WHERE seq = :seq")

# The filters, the order and the page follow: see query.py.
LIST: Final = Statement(
    ListedScheduleRow,
    f"SELECT {_LISTED} FROM schedules WHERE org = :org AND deleted_at_ms IS NULL",
)

# For an administrator: over all organizations.
OF_ALL_ORGS: Final = Statement(
    ScheduleOfAnyOrgRow,
    f"""
SELECT {_LISTED}, organizations.id AS org_id
  FROM schedules CROSS JOIN organizations ON organizations.seq = schedules.org
 WHERE schedules.deleted_at_ms IS NULL AND organizations.deleted_at_ms IS NULL
   AND (:is_active IS NULL OR schedules.is_active = :is_active)
 ORDER BY schedules.seq DESC LIMIT :limit OFFSET :offset
""",
)

# Indexes schedule_runs_newest and jobs_by_id. The id of a job that was deleted is not shown.
RUNS: Final = Statement(
    RunRow,
    """
SELECT id, status, error_message, started_at_ms, completed_at_ms,
       (SELECT jobs.id FROM jobs WHERE jobs.id = runs.job_id AND jobs.org = runs.org"""
    + VISIBLE
    + """) AS job_id,
       (SELECT jobs.workflow_id FROM jobs WHERE jobs.id = runs.job_id AND jobs.org = runs.org"""
    + VISIBLE
    + """) AS workflow_id
  FROM schedule_runs AS runs WHERE schedule = :schedule
 ORDER BY started_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset
""",
)

# Index schedules_active.
COUNT_ACTIVE: Final = Value(
    int, "SELECT count(*) FROM schedules WHERE org = :org AND is_active = 1"
)
