"""Webhooks of any sender that has the token. Contract: schedules-workflows-webhooks, 4.6."""

from typing import Final

from spooled_lite.core.ingest.records import Delivery
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.records import job_type_of
from spooled_lite.errors import RuleBroken

EVENT_CHARS_MAX: Final = 100
_MARKS: Final = frozenset("-_.")


def delivery(
    payload: bytes,
    *,
    queue_name: str,
    event: str | None = None,
    idempotency_key: str | None = None,
    priority: int | None = None,
) -> Delivery:
    """The job of one request. Without an idempotency key a repeat creates another job.

    `queue_name` was checked by `checked_queue`. Raises RuleBroken for a bad name of an event.
    """
    return Delivery(
        provider="custom",
        event_type=_checked_event(event or "custom"),
        job=NewJob(
            queue_name=queue_name,
            payload=payload,
            priority=priority or 0,
            job_type=job_type_of(payload),
            idempotency_key=idempotency_key or None,
        ),
    )


def checked_queue(name: str, field: str) -> str:
    """The name of a queue that is good for any job, if it has no two dots in a row.

    Raises RuleBroken.
    """
    if ".." in name:
        raise RuleBroken.of(
            field, f"Queue name must not contain `..` (`{field}`)", "invalid_queue_name"
        )
    return name


def _checked_event(name: str) -> str:
    if all(each.isalnum() or each in _MARKS for each in name):
        return name
    raise RuleBroken.of(
        "event_type",
        "Field `event_type` may contain letters, digits, `-`, `_` and `.` only",
        "invalid_name_chars",
    )
