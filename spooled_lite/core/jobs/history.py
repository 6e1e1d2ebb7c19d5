"""The life of a job, a row per step of it. Written once per batch from its events."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from spooled_lite.core.jobs import statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.statements import BriefJobRow, JobHistoryRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import NotFound
from spooled_lite.events import Event, EventOf, EventType
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_optional_ms

INSERT: Final = statements.INSERT_HISTORY

_encode: Final = msgspec.json.Encoder().encode
_Line = tuple[str, str | None, dict[str, Any]]  # event_type, worker, details


def _created(event: EventOf[JobRow]) -> list[_Line]:
    row = event.row
    at = format_optional_ms(row["scheduled_at_ms"])
    details = {"queue": row["queue_name"], "status": row["status"], "scheduled_at": at}
    return [("created", None, details)]


def _claimed(event: EventOf[JobRow]) -> list[_Line]:
    row = event.row
    details = {
        "worker_id": row["assigned_worker_id"],
        "lease_id": row["lease_id"],
        "lease_expires_at": format_optional_ms(row["lease_expires_at_ms"]),
    }
    return [("claimed", row["assigned_worker_id"], details)]


def _released(event: EventOf[JobRow]) -> list[_Line]:
    facts = event.facts
    details = {"worker_id": facts["worker_id"], "lease_id": facts["lease_id"]}
    return [("released", facts["worker_id"], details)]


def _completed(event: EventOf[JobRow]) -> list[_Line]:
    row = event.row
    started = row["started_at_ms"]
    duration_ms = None if started is None else event.at_ms - started
    return [("completed", row["assigned_worker_id"], {"duration_ms": duration_ms})]


def _skipped(event: EventOf[JobRow]) -> list[_Line]:
    return [("completed", None, {"duration_ms": None, "skipped": True})]


def _retrying(event: EventOf[JobRow]) -> list[_Line]:
    row = event.row
    next_run = format_optional_ms(row["run_at_ms"] or event.at_ms)
    failed = {
        "error": row["last_error"],
        "retry_count": row["retry_count"] - 1,
        "will_retry": True,
        **_type_of(row),
    }
    retried = {
        "retry_count": row["retry_count"],
        "next_run": next_run,
        "reason": row["last_error"],
    }
    return [("failed", event.facts["worker_id"], failed), ("retried", None, retried)]


def _deadlettered(event: EventOf[JobRow]) -> list[_Line]:
    row = event.row
    failed = {
        "error": row["last_error"],
        "retry_count": row["retry_count"],
        "will_retry": False,
        **_type_of(row),
    }
    dead = {"error": row["last_error"], "total_retries": row["retry_count"]}
    worker_id = event.facts["worker_id"]
    return [("failed", worker_id, failed), ("deadlettered", worker_id, dead)]


def _type_of(row: JobRow) -> dict[str, str]:
    """What its program calls the error, when it has said so."""
    return {} if row["error_type"] is None else {"error_type": row["error_type"]}


def _cancelled(event: EventOf[JobRow]) -> list[_Line]:
    # A cancelled job had no worker, unless it was told to stop while it ran.
    facts = event.facts
    return [("cancelled", facts.get("worker_id"), {"reason": facts["reason"], **_by_whom(event)})]


def _retried(event: EventOf[JobRow]) -> list[_Line]:
    row = event.row
    next_run = format_optional_ms(row["run_at_ms"] or event.at_ms)
    details = {
        "retry_count": row["retry_count"],
        "next_run": next_run,
        "reason": event.facts.get("reason", "by call"),
        **_by_whom(event),
    }
    return [("retried", None, details)]


def _by_whom(event: EventOf[JobRow]) -> dict[str, str]:
    """The key whose call caused the event, and its name. See core/acts/record.py."""
    return {name: event.facts[name] for name in ("by", "by_key_id") if name in event.facts}


# The events that are recorded: contract README, section 7.1.
_LINES: Final[dict[EventType, Callable[[EventOf[JobRow]], list[_Line]]]] = {
    "job.created": _created,
    "job.claimed": _claimed,
    "job.released": _released,
    "job.completed": _completed,
    "job.skipped": _skipped,
    "job.retrying": _retrying,
    "job.deadlettered": _deadlettered,
    "job.cancelled": _cancelled,
    "job.retried": _retried,
}


def rows(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """What INSERT is run with, in the order of the events.

    A job that was deleted later in the same batch takes what stands before with it: its number
    may belong to another job from then on.
    """
    made: list[tuple[Any, ...]] = []
    for event in events:
        if event.type == "job.deleted":
            gone: BriefJobRow = event.row
            made = [row for row in made if row[1] != gone["seq"]]
        elif (lines := _LINES.get(event.type)) is not None:
            job: JobRow = event.row
            if not RULES[job["kind"]].is_recorded:
                continue
            made += [
                (event.org, job["seq"], name, worker_id, _encode(details), event.at_ms)
                for name, worker_id, details in lines(event)
            ]
    return made


def history(
    tx: Reading,
    org: int,
    job_id: str,
    scope: Scope,
    *,
    direction: Literal["asc", "desc"],
    limit: int,
    offset: int,
) -> list[JobHistoryRow]:
    """A page of the history of a job.

    Raises:
        NotFound: no such job in this organization and scope.

    Contract: jobs, J17.
    """
    job = tx.row(statements.BY_ID, {"id": job_id, "org": org})
    if job is None or not scope.allows(job["queue_name"]):
        raise NotFound.thing("Job")
    return tx.rows(
        statements.HISTORY[direction], {"job": job["seq"], "limit": limit, "offset": offset}
    )
