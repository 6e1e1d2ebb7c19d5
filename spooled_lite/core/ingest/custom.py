"""Webhooks of anybody who has the token. Contract: schedules-workflows-webhooks, section 4.6."""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from spooled_lite.core.ingest.records import Delivery
from spooled_lite.core.jobs.records import (
    IdempotencyKey,
    NewJob,
    Priority,
    job_type_of,
    queue_of,
)
from spooled_lite.errors import RuleBroken

EVENT_TYPE_CHARS_MAX: Final = 100
_MARKS: Final = frozenset("-_.")


class CustomEvent(Struct, kw_only=True):
    """Body of POST /webhooks/{org_id}/custom. Null means absent, but for the payload."""

    payload: Raw  # required, and null is a value; stored byte for byte
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    event_type: Annotated[str, Meta(max_length=EVENT_TYPE_CHARS_MAX)] | None = None
    idempotency_key: IdempotencyKey | None = None
    priority: Priority | None = None


def delivery(event: CustomEvent) -> Delivery:
    """The job of one request; without an idempotency key a repeat makes another.

    Raises:
        WrongShape: no spelling of the queue is there.
        RuleBroken: a bad name of a queue or an event.
    """
    payload = bytes(event.payload)
    return Delivery(
        provider="custom",
        event_type=_checked_event(event.event_type or "custom"),
        job=NewJob(
            queue_name=_checked_queue(event),
            payload=payload,
            priority=event.priority or 0,
            job_type=job_type_of(payload),
            idempotency_key=event.idempotency_key or None,
        ),
    )


def _checked_queue(event: CustomEvent) -> str:
    """As of any job, but two dots in a row are refused as well."""
    name = queue_of(event.queue_name, event.queue)
    if ".." in name:
        field = "queue" if event.queue_name is None else "queue_name"
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
