"""Webhooks of Stripe. Contract: schedules-workflows-webhooks, section 4.5."""

import msgspec

from spooled_lite.core.ingest.records import Delivery, provider_queue
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.records import job_type_of


def delivery(payload: bytes, *, event: str, event_id: str) -> Delivery:
    """The job of one event. A repeated event has the same id, and creates no second job."""
    tags = {"provider": "stripe", "event_type": event, "event_id": event_id}
    return Delivery(
        provider="stripe",
        event_type=event,
        job=NewJob(
            queue_name=provider_queue("stripe", event.replace(".", "-")),
            payload=payload,
            job_type=job_type_of(payload),
            idempotency_key=event_id,
            tags=msgspec.json.encode(tags),
        ),
    )
