"""The figures of one organization on one page, from counters alone: no job is counted."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview import statements
from spooled_lite.core.queues.query import list_queues
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workers.query import is_visible
from spooled_lite.core.workers.records import COUNTED_MAX, HEARD_OF_WITHIN_MS
from spooled_lite.storage.counters import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS
from spooled_lite.storage.transaction import Reading

SHOWN_QUEUES_MAX: Final = 20


class JobStanding(Struct, frozen=True, kw_only=True):
    """Jobs by status, and how long those completed in the last 24 hours waited and ran."""

    total: int
    pending: int
    processing: int
    completed_24h: int
    failed_24h: int  # dead letters: an attempt that is retried has not failed yet
    deadletter: int
    mean_wait_ms: int | None  # None: no job was completed
    mean_processing_ms: int | None


class ShownQueue(Struct, frozen=True, kw_only=True):
    name: str
    pending: int
    processing: int
    is_paused: bool


class Overview(Struct, frozen=True, kw_only=True):
    """The jobs, queues and workers of one organization, with figures of the last hour."""

    jobs: JobStanding
    queues: list[ShownQueue]  # the first SHOWN_QUEUES_MAX by name
    workers: int  # heard of within HEARD_OF_WITHIN_MS
    workers_healthy: int
    created_1h: int
    completed_1h: int
    failed_1h: int


def overview(tx: Reading, org: int, scope: Scope) -> Overview:
    """What waits, runs and was done lately in the queues of the scope. Counts no rows of jobs.

    At most SHOWN_QUEUES_MAX queues are shown; the sums are over all queues of the scope.

    Contract: platform, section 12.
    """
    recent = _recent(tx, org, scope)
    statuses = _worker_statuses(tx, org, scope)
    return Overview(
        jobs=_jobs(tx, org, scope, recent),
        queues=_queues(tx, org, scope),
        workers=len(statuses),
        workers_healthy=statuses.count("healthy"),
        created_1h=recent["created_1h"],
        completed_1h=recent["completed_1h"],
        failed_1h=recent["failed_1h"],
    )


def _jobs(tx: Reading, org: int, scope: Scope, recent: statements.ActivityRow) -> JobStanding:
    now = job_stats(tx, org, scope)
    completed = recent["durations"]
    return JobStanding(
        total=now["total"],
        pending=now["pending"],
        processing=now["processing"],
        completed_24h=recent["completed_24h"],
        failed_24h=recent["failed_24h"],
        deadletter=now["deadletter"],
        mean_wait_ms=recent["wait_ms"] // completed if completed else None,
        mean_processing_ms=recent["duration_ms"] // completed if completed else None,
    )


def _recent(tx: Reading, org: int, scope: Scope) -> statements.ActivityRow:
    """Of the organization where the key sees all of it: a day of forty queues took 0.1 s."""
    minute = tx.now_ms // MINUTE_MS
    row = tx.row(
        statements.ACTIVITY,
        {
            "keys": f"[{-org}]" if scope.is_unrestricted else queues_in_scope(tx, org, scope),
            "minute": minute,
            "day_from": minute - DAY_MINUTES + 1,
            "hour_from": minute - HOUR_MINUTES + 1,
        },
    )
    assert row is not None, "sums always yield a row"
    return row


def _queues(tx: Reading, org: int, scope: Scope) -> list[ShownQueue]:
    rows = list_queues(tx, org, scope)[:SHOWN_QUEUES_MAX]
    counted: dict[tuple[str, str], int] = {}
    seqs = "[" + ",".join(str(row["seq"]) for row in rows) + "]"
    for row in tx.rows(job_statements.STATUS_COUNTS, {"queues": seqs}):
        counted[row["queue_name"], row["name"].removeprefix("status.")] = row["value"]
    return [
        ShownQueue(
            name=row["queue_name"],
            pending=counted.get((row["queue_name"], "pending"), 0),
            processing=counted.get((row["queue_name"], "processing"), 0),
            is_paused=not row["enabled"],
        )
        for row in rows
    ]


def _worker_statuses(tx: Reading, org: int, scope: Scope) -> list[str]:
    since_ms = tx.now_ms - HEARD_OF_WITHIN_MS
    rows = tx.rows(
        worker_statements.HEARD_OF, {"org": org, "since_ms": since_ms, "limit": COUNTED_MAX}
    )
    return [row["status"] for row in rows if is_visible(row["queue_names"], scope)]
