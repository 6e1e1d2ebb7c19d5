"""SQL over all organizations, for the administrator of the server."""

from typing import Final

from spooled_lite.core.orgs.columns import (
    DetailedOrgRow,
    JobsNowRow,
    JobsOfADayRow,
    RestRow,
    TierRow,
    WorkersRow,
)
from spooled_lite.storage.statement import Statement

# Further columns of each row of the list; `page` is the row of the organization.
_USAGE: Final = """
       coalesce((SELECT value FROM usage_counters
                  WHERE org = page.seq AND period = :today AND name = 'jobs_created'), 0)
           AS jobs_today,
       coalesce((SELECT value FROM usage_counters
                  WHERE org = page.seq AND period = '' AND name = 'active_jobs'), 0)
           AS active_jobs,
       (SELECT count(*) FROM queues WHERE org = page.seq AND deleted_at_ms IS NULL) AS queue_count,
       (SELECT count(*) FROM workers
         WHERE org = page.seq AND status IN ('healthy', 'degraded')) AS worker_count,
       (SELECT count(*) FROM api_keys WHERE org = page.seq AND is_active = 1) AS active_key_count
"""

# The filters, the order and the page go into the inner statement: see admin_query.py. So the usage
# is counted only for the rows of the page.
LIST: Final = "SELECT page.*," + _USAGE + "  FROM (SELECT * FROM organizations WHERE "
COUNT: Final = "SELECT count(*) FROM organizations WHERE "

DETAIL: Final = Statement(
    DetailedOrgRow,
    "SELECT page.*,"
    + _USAGE
    + """,
       (SELECT count(*) FROM api_keys WHERE org = page.seq) AS key_count,
       coalesce((SELECT value FROM usage_counters
                  WHERE org = page.seq AND period = '' AND name = 'jobs_created'), 0)
           AS total_jobs
  FROM organizations AS page WHERE id = :id AND deleted_at_ms IS NULL
""",
)

# The counters of the month and of all time stay.
RESET_TODAY: Final = """
DELETE FROM usage_counters WHERE org = :org AND period = :today
   AND name IN ('jobs_created', 'notifications_created')
"""

# -- the whole server --------------------------------------------------------------------------

ORGANIZATIONS: Final = Statement(
    TierRow,
    """
SELECT plan_tier AS plan, count(*) AS count,
       count(*) FILTER (WHERE is_active = 1 AND plan_tier <> 'deleted') AS active,
       count(*) FILTER (WHERE created_at_ms >= :today_ms) AS created_today,
       count(*) FILTER (WHERE created_at_ms > :week_ago_ms) AS created_this_week
  FROM organizations WHERE deleted_at_ms IS NULL
 GROUP BY plan_tier ORDER BY count(*) DESC, plan_tier
""",
)


def _now(status: str) -> str:
    return f"""coalesce(sum(CASE each.name WHEN 'status.{status}' THEN value
                                   WHEN 'message.{status}' THEN -value END), 0) AS {status}"""


# The primary key of queue_counters, a few rows of each queue. Messages are no jobs.
JOBS_NOW: Final = Statement(
    JobsNowRow,
    f"""
SELECT {_now("pending")},
       {_now("scheduled")},
       {_now("processing")},
       {_now("completed")},
       {_now("failed")},
       {_now("deadletter")},
       {_now("cancelled")}
  FROM queues CROSS JOIN queue_counters AS each ON queue = queues.seq AND minute = 0
  JOIN organizations ON organizations.seq = queues.org AND organizations.deleted_at_ms IS NULL
 WHERE queues.deleted_at_ms IS NULL
""",
)

JOBS_OF_A_DAY: Final = Statement(
    JobsOfADayRow,
    """
SELECT coalesce(sum(value) FILTER (WHERE each.name = 'created'), 0) AS created,
       coalesce(sum(value) FILTER (WHERE each.name = 'completed'), 0) AS completed,
       coalesce(sum(value) FILTER (WHERE each.name = 'deadlettered'), 0) AS failed
  FROM queues CROSS JOIN queue_counters AS each
    ON queue = queues.seq AND minute BETWEEN :day_from AND :minute
  JOIN organizations ON organizations.seq = queues.org AND organizations.deleted_at_ms IS NULL
 WHERE queues.deleted_at_ms IS NULL
""",
)

REST: Final = Statement(
    RestRow,
    """
SELECT (SELECT count(*) FROM queues JOIN organizations ON organizations.seq = queues.org
         WHERE queues.deleted_at_ms IS NULL AND organizations.deleted_at_ms IS NULL) AS queue_count,
       (SELECT count(*) FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
         WHERE organizations.deleted_at_ms IS NULL) AS key_count
""",
)

WORKERS: Final = Statement(
    WorkersRow,
    """
SELECT count(*) AS total,
       count(*) FILTER (WHERE status = 'healthy') AS healthy,
       count(*) FILTER (WHERE status = 'degraded') AS degraded
  FROM workers JOIN organizations ON organizations.seq = workers.org
 WHERE organizations.deleted_at_ms IS NULL
   AND last_heartbeat_ms > :since_ms AND status <> 'offline'
""",
)
