"""Counting jobs: what each event adds to the counters, and what the counters say."""

from typing import Any

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.jobs.histograms import DURATIONS, WAITS, bucket_of
from spooled_lite.core.jobs.states import ACTIVE, STATUSES
from spooled_lite.core.keys.records import Scope
from spooled_lite.events import EVENTS, MOVING, Event
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.storage.transaction import Reading, Tx


def count(tx: Tx, event: Event) -> None:
    """Add what a job event changes, in the transaction of the change.

    Per queue, minute 0: `status.*` are gauges, `created` and `removed` sums, so that
    created - removed = rows = the sum of the gauges. Messages are in all of these, and have gauges
    `message.*` of their own besides.
    """
    if event.type not in MOVING or event.type == "job.deleted":
        return  # the passes that delete jobs count them, many at a time
    row: JobRow = event.row
    queue, status, was, about = row["queue"], row["status"], event.was, EVENTS[event.type]
    if was is None:
        tx.count(queue, "created", 1)
    else:
        tx.count(queue, f"status.{was}", -1)
    tx.count(queue, f"status.{status}", 1)
    if row["kind"] == "message":
        if was is not None:
            tx.count(queue, f"message.{was}", -1)
        tx.count(queue, f"message.{status}", 1)
    change = (status in ACTIVE) - (was in ACTIVE)
    if change:
        tx.count_now(event.org, "active_jobs", change)
    if about.counted:
        minute = tx.now_ms // MINUTE_MS
        tx.sum_into(queue, -event.org)
        tx.count(queue, about.counted, 1, minute=minute)
        tx.count_usage(event.org, about.usage, 1)
        if event.type == "job.completed" and row["started_at_ms"] is not None:
            duration_ms = max(0, tx.now_ms - row["started_at_ms"])
            tx.count(queue, "durations", 1, minute=minute)
            tx.count(queue, "duration_ms", duration_ms, minute=minute)
            tx.count_in(queue, DURATIONS, bucket_of(duration_ms), 1, minute=minute)
            # Waited for the attempt that was completed: from the creation, retries included.
            wait_ms = max(0, row["started_at_ms"] - row["created_at_ms"])
            tx.count(queue, "wait_ms", wait_ms, minute=minute)
            tx.count_in(queue, WAITS, bucket_of(wait_ms), 1, minute=minute)
    elif event.type == "job.claimed":
        tx.sum_into(queue, -event.org)
        tx.count(queue, "claimed", 1, minute=tx.now_ms // MINUTE_MS)


def job_stats(tx: Reading, org: int, scope: Scope, queue_name: str | None = None) -> dict[str, Any]:
    """The number of jobs by status, in one queue or all queues of the scope. Counts no rows.

    Messages are no jobs. Contract: jobs, J8.
    """
    queues = queues_in_scope(tx, org, scope, queue_name)
    totals = dict.fromkeys(STATUSES, 0)
    by_queue: dict[str, int] = {}
    for row in tx.rows(statements.GAUGES, {"queues": queues}):
        gauge, _, status = row["name"].partition(".")
        value = -row["value"] if gauge == "message" else row["value"]
        totals[status] += value
        by_queue[row["queue_name"]] = by_queue.get(row["queue_name"], 0) + value
    return {
        **totals,
        "total": sum(totals.values()),
        "claimed": totals["processing"],
        "by_queue": by_queue,
    }
