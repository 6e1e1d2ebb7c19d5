"""Every statement by which `spooled-lite check --deep` looks at texts, history and usage."""

from collections.abc import Mapping
from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class TextRow(TypedDict):
    """What is stored in one column of a row, and the number of the row."""

    seq: int
    text: bytes


class OrphanedHistoryRow(TypedDict):
    job: int
    count: int


class UsageRow(TypedDict):
    slug: str
    name: str
    ever: int
    months: int


class DaysRow(TypedDict):
    slug: str
    name: str
    month: str
    counted: int
    days: int


def _texts(table: str, column: str, *, key: str = "seq", page: int = 500) -> Statement[TextRow]:
    """A page of a column with JSON. Where one may be megabytes long it is one row."""
    return Statement(
        TextRow,
        f"SELECT {key} AS seq, {column} AS text FROM {table}"
        f" WHERE {key} > :after AND {column} IS NOT NULL ORDER BY {key} LIMIT {page}",
    )


# By what a problem calls it.
TEXTS: Final[Mapping[str, Statement[TextRow]]] = {
    "jobs.payload": _texts("jobs", "payload"),
    "jobs.result": _texts("jobs", "result"),
    "jobs.tags": _texts("jobs", "tags"),
    "job_bodies.body": _texts("job_bodies", "body", page=1),
    "job_history.details": _texts("job_history", "details"),
    "schedules.payload_template": _texts("schedules", "payload_template", page=1),
    "schedules.tags": _texts("schedules", "tags", page=1),
    "schedules.metadata": _texts("schedules", "metadata", page=1),
    "workflow_bodies.body": _texts("workflow_bodies", "body", page=1),
    "flow_documents.body": _texts("flow_documents", "body", page=1),
    "step_states.signal": _texts("step_states", "signal", key="job", page=1),
    "workflow_metadata.metadata": _texts("workflow_metadata", "metadata", key="workflow", page=1),
    "deliveries.body": _texts("deliveries", "body", page=1),
    "queues.settings": _texts("queues", "settings", page=1),
    "workers.metadata": _texts("workers", "metadata", page=1),
    "organizations.settings": _texts("organizations", "settings", page=1),
    "organizations.custom_limits": _texts("organizations", "custom_limits", page=1),
}

JOB_OF_BODY: Final = Value(int, "SELECT job FROM job_bodies WHERE seq = :seq")

ORPHANED_HISTORY: Final = Statement(
    OrphanedHistoryRow,
    """
SELECT job, count(*) AS count FROM job_history
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE seq = job)
 GROUP BY job ORDER BY job LIMIT :limit
""",
)

# A change counts for its day, its month and for ever. `active_jobs` is no sum of changes.
USAGE_OF_MONTHS: Final = Statement(
    UsageRow,
    """
SELECT slug, each.name,
       coalesce(sum(value) FILTER (WHERE period = ''), 0) AS ever,
       coalesce(sum(value) FILTER (WHERE length(period) = 7), 0) AS months
  FROM organizations CROSS JOIN usage_counters AS each ON each.org = organizations.seq
 WHERE each.name <> 'active_jobs' AND deleted_at_ms IS NULL
 GROUP BY organizations.seq, each.name
HAVING ever <> months
 LIMIT :limit
""",
)

# An administrator can set the count of a day back to 0, so the days may come to less.
USAGE_OF_DAYS: Final = Statement(
    DaysRow,
    """
SELECT slug, each.name, substr(period, 1, 7) AS month,
       coalesce(sum(value) FILTER (WHERE length(period) = 7), 0) AS counted,
       coalesce(sum(value) FILTER (WHERE length(period) = 10), 0) AS days
  FROM organizations CROSS JOIN usage_counters AS each ON each.org = organizations.seq
 WHERE period <> '' AND deleted_at_ms IS NULL
 GROUP BY organizations.seq, each.name, month
HAVING days > counted
 LIMIT :limit
""",
)
