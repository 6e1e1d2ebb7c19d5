"""Every statement that reads items of a step for those who ask, or what they give."""

from collections.abc import Mapping
from typing import Final, TypedDict

from spooled_lite.core.jobs.filter_statements import OF_STATE
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.storage.statement import Statement


class OutputRow(TypedDict):
    result: bytes | None
    checksum: int | None  # of a result that stands apart from its job


class ItemRow(OutputRow):
    seq: int
    id: str
    item_index: int
    queue_name: str
    status: str
    state: str | None
    retry_count: int
    claims: int
    last_error: str | None
    run_at_ms: int | None
    started_at_ms: int | None
    completed_at_ms: int | None


class SizedItemRow(TypedDict):
    size_bytes: int


_BODIES: Final = """
  FROM jobs LEFT JOIN job_bodies AS bodies ON bodies.job = jobs.seq AND bodies.which = 'result'"""

# Index items_of_step, as the others.
OUTPUTS: Final = Statement(
    OutputRow,
    f"""
SELECT coalesce(jobs.result, bodies.body) AS result, bodies.checksum{_BODIES}
 WHERE step_job = :step ORDER BY item_index
""",
)

# Those that were not released wait for a place in the window: to callers they are queued.
_QUEUED: Final = "status IN ('pending', 'scheduled') AND retry_count = 0"
_STARTED: Final = (
    "(status = 'processing' OR status IN ('pending', 'scheduled') AND retry_count > 0)"
)
_FAILED: Final = "(status = 'deadletter' OR status = 'cancelled' AND jobs.state IS 'failed')"
_CANCELED: Final = "status = 'cancelled' AND jobs.state IS NOT 'failed'"
_OF_STATE: Final[Mapping[str | None, str]] = {
    None: "",
    "queued": f" AND {_QUEUED}",
    "started": f" AND {_STARTED}",
    "completed": f" AND {OF_STATE['completed']}",
    "failed": f" AND {_FAILED}",
    "canceled": f" AND {_CANCELED}",
}
_RANGE: Final = "WHERE step_job = :step AND item_index > :after AND item_index <= :until"

SIZES: Final = {
    state: Statement(
        SizedItemRow,
        "SELECT coalesce(length(result), result_bytes, 0) + coalesce(length(last_error), 0) + 200"
        f" AS size_bytes FROM jobs {_RANGE}{wanted}{VISIBLE}"
        " ORDER BY item_index LIMIT :limit",
    )
    for state, wanted in _OF_STATE.items()
}
PAGES: Final = {
    state: Statement(
        ItemRow,
        "SELECT jobs.seq, jobs.id, item_index, queue_name, status, state, retry_count, claims,"
        " last_error, run_at_ms, started_at_ms, completed_at_ms,"
        f" coalesce(jobs.result, bodies.body) AS result, bodies.checksum{_BODIES}"
        f" {_RANGE}{wanted}{VISIBLE} ORDER BY item_index LIMIT :limit",
    )
    for state, wanted in _OF_STATE.items()
}


def state_of_item(row: ItemRow) -> str:
    """The word for where an item stands. Contract: catbird-capabilities, section 8.8."""
    match row["status"]:
        case "pending" | "scheduled":
            return "started" if row["retry_count"] else "queued"
        case "processing":
            return "started"
        case "completed":
            return "completed"
        case "cancelled":
            return "failed" if row["state"] == "failed" else "canceled"
    return "failed"
