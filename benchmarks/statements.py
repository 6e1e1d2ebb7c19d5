"""The statements that fill a file with jobs of the past."""

from typing import Final

from spooled_lite.storage.statement import Value

FIRST_ORGANIZATION: Final = Value(int, "SELECT min(seq) FROM organizations")

_NUMBERS: Final = """
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count)
"""
_ID: Final = """
lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
      || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
"""
_PAYLOAD: Final = """'{"to":"someone@example.com","template":"welcome","user_id":12345}'"""

# As the operations leave them: one finished, one delayed, one that waits for its second attempt.
JOBS: Final = {
    "completed": f"""{_NUMBERS}
INSERT INTO jobs (id, org, queue, queue_name, status, claimable, priority, max_retries,
                  timeout_seconds, created_at_ms, updated_at_ms, started_at_ms, completed_at_ms,
                  assigned_worker_id, settled_lease_id, payload)
SELECT {_ID}, :org, :queue, :queue_name, 'completed', 0, 0, 3, 300,
       :from_ms + n, :from_ms + n + 500, :from_ms + n + 400, :from_ms + n + 500,
       'worker-1', {_ID}, CAST({_PAYLOAD} AS BLOB)
  FROM numbers
""",
    "scheduled": f"""{_NUMBERS}
INSERT INTO jobs (id, org, queue, queue_name, status, claimable, priority, max_retries,
                  timeout_seconds, created_at_ms, updated_at_ms, scheduled_at_ms, run_at_ms,
                  payload)
SELECT {_ID}, :org, :queue, :queue_name, 'scheduled', 0, 0, 3, 300,
       :from_ms + n, :from_ms + n, :run_at_ms + n, :run_at_ms + n, CAST({_PAYLOAD} AS BLOB)
  FROM numbers
""",
    "retrying": f"""{_NUMBERS}
INSERT INTO jobs (id, org, queue, queue_name, status, claimable, priority, retry_count, max_retries,
                  timeout_seconds, created_at_ms, updated_at_ms, scheduled_at_ms, run_at_ms,
                  started_at_ms, last_error, payload)
SELECT {_ID}, :org, :queue, :queue_name, 'pending', 0, 0, 1, 3, 300,
       :from_ms + n, :from_ms + n + 500, :run_at_ms + n, :run_at_ms + n, :from_ms + n + 400,
       'connection refused', CAST({_PAYLOAD} AS BLOB)
  FROM numbers
""",
}
HISTORY: Final = """
INSERT INTO job_history (org, job, event_type, worker_id, details, created_at_ms)
SELECT org, seq, step.value, CASE step.value WHEN 'created' THEN NULL ELSE 'worker-1' END,
       CAST('{"queue":"emails","status":"pending","scheduled_at":null}' AS BLOB), updated_at_ms
  FROM jobs JOIN json_each(:steps) AS step
 WHERE seq > :after
"""

# Each hour of the day in a zone where it is that hour: Etc/GMT-3 is three hours ahead.
SCHEDULES: Final = f"""{_NUMBERS}
INSERT INTO schedules (id, org, name, cron_expression, timezone, queue_name, payload_template,
                       priority, max_retries, timeout_seconds, is_active, next_run_at_ms,
                       created_at_ms, updated_at_ms)
SELECT {_ID}, :org, 'schedule ' || n,
       :minute_second || ((:hour + :hours + n % :hours - :half) % :hours) || ' * * *',
       CASE WHEN n % :hours < :half THEN 'Etc/GMT+' || (:half - n % :hours)
            WHEN n % :hours = :half THEN 'UTC'
            ELSE 'Etc/GMT-' || (n % :hours - :half) END,
       'reports', CAST({_PAYLOAD} AS BLOB), 0, 3, 300, 1, :next_run_at_ms,
       :next_run_at_ms - 60000, :next_run_at_ms - 60000
  FROM numbers
"""
RUNS: Final = "SELECT count(*), max(started_at_ms) FROM schedule_runs WHERE status = 'completed'"
