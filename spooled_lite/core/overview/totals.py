"""Sums over one organization, and over all of them, for metrics."""

from collections.abc import Mapping

from msgspec import Struct

from spooled_lite.core.breakers.standing import breakers_open
from spooled_lite.core.inbox import statements as inbox_statements
from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.orgs import admin_statements
from spooled_lite.core.overview import statements
from spooled_lite.core.overview.figures import JobStanding, overview
from spooled_lite.core.workers.query import is_visible
from spooled_lite.core.workers.records import COUNTED_MAX, SILENCE_MS
from spooled_lite.storage.transaction import Reading


class Figures(Struct, frozen=True, kw_only=True):
    """Jobs and workers of all organizations, as they are now."""

    jobs_pending: int
    jobs_processing: int
    jobs_scheduled: int
    jobs_deadletter: int
    oldest_pending_seconds: float  # 0 when none is pending
    messages_ready: int  # as messages_hidden, in none of the counts of jobs
    messages_hidden: int
    inbox_unseen: int  # also what has expired since the last sweep
    workers_active: int
    workers_healthy: int
    breakers_open: Mapping[str, int]  # by scope
    file_free_bytes: int  # of the database file, for new rows


class Totals(Struct, frozen=True, kw_only=True):
    """Sums of one organization, over the queues of a scope."""

    created: int
    completed: int
    failed: int
    jobs: JobStanding
    workers_registered: int
    workers_active: int
    workers_idle: int
    queues: int
    queues_paused: int


def figures(tx: Reading) -> Figures:
    """The figures of the whole server. They come from counters, so many jobs cost no more.

    Contract: platform, section 14.
    """
    jobs = tx.row(admin_statements.JOBS_NOW)
    workers = tx.row(statements.ALIVE, {"since_ms": tx.now_ms - SILENCE_MS})
    messages = tx.row(statements.MESSAGES_NOW)
    assert jobs, "sums always yield a row"
    assert messages, "sums always yield a row"
    assert workers, "sums always yield a row"
    since_ms = tx.value(statements.OLDEST_PENDING)
    return Figures(
        jobs_pending=jobs["pending"],
        jobs_processing=jobs["processing"],
        jobs_scheduled=jobs["scheduled"],
        jobs_deadletter=jobs["deadletter"],
        oldest_pending_seconds=0 if since_ms is None else max(0, tx.now_ms - since_ms) / 1000,
        messages_ready=messages["ready"],
        messages_hidden=messages["hidden"],
        inbox_unseen=tx.value(inbox_statements.UNSEEN_NOW) or 0,
        workers_active=workers["active"],
        workers_healthy=workers["healthy"],
        breakers_open=breakers_open(tx),
        file_free_bytes=tx.value(statements.FILE_FREE_BYTES) or 0,
    )


def totals(tx: Reading, org: int, scope: Scope) -> Totals:
    """Sums of all time. For a key with a queue list only jobs still stored are counted.

    Workers with a heartbeat within SILENCE_MS are active; those without a job are idle.
    """
    seen = overview(tx, org, scope)
    now = job_stats(tx, org, scope)
    created, completed, failed = now["total"], now["completed"], now["deadletter"]
    if scope.is_unrestricted:
        used = {row["name"]: row["value"] for row in tx.rows(statements.USED_EVER, {"org": org})}
        created, completed = used.get("jobs_created", 0), used.get("jobs_completed", 0)
        failed = used.get("jobs_failed", 0)
    queues = [
        row for row in tx.rows(statements.STATES, {"org": org}) if scope.allows(row["queue_name"])
    ]
    rows = tx.rows(statements.OF_ORG, {"org": org, "limit": COUNTED_MAX})
    workers = [row for row in rows if is_visible(row["queue_names"], scope)]
    active = [row for row in workers if row["last_heartbeat_ms"] > tx.now_ms - SILENCE_MS]
    return Totals(
        created=created,
        completed=completed,
        failed=failed,
        jobs=seen.jobs,
        workers_registered=len(workers),
        workers_active=len(active),
        workers_idle=sum(not row["current_jobs"] for row in active),
        queues=len(queues),
        queues_paused=sum(not row["enabled"] for row in queues),
    )
