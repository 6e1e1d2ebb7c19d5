"""Webhooks of GitHub. Contract: schedules-workflows-webhooks, section 4.4."""

import msgspec

from spooled_lite.core.ingest.records import (
    EVENT_TYPE_CHARS_MAX,
    Delivery,
    provider_key,
    provider_queue,
)
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.records import job_type_of
from spooled_lite.errors import BadRequest


def delivery(payload: bytes, *, event: str | None, delivery_id: str | None) -> Delivery:
    """The job of one delivery. A redelivery has the same id, and creates no second job.

    Raises BadRequest when the name of the event or the id is too long.
    """
    event = (event or "").strip() or "unknown"
    if len(event) > EVENT_TYPE_CHARS_MAX:
        raise BadRequest(f"X-GitHub-Event is longer than {EVENT_TYPE_CHARS_MAX} characters")
    delivery_id = (delivery_id or "").strip() or None
    key = None
    if delivery_id is not None:
        key = provider_key(f"github:{delivery_id}", "The key from X-GitHub-Delivery")
    tags = {"provider": "github", "event_type": event, "delivery_id": delivery_id}
    return Delivery(
        provider="github",
        event_type=event,
        job=NewJob(
            queue_name=provider_queue("github", event),
            payload=payload,
            job_type=job_type_of(payload),
            idempotency_key=key,
            tags=msgspec.json.encode(tags),
        ),
    )
