"""Webhooks of Stripe. Contract: schedules-workflows-webhooks, section 4.5."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.ingest.records import (
    EVENT_TYPE_CHARS_MAX,
    IDEMPOTENCY_KEY_CHARS_MAX,
    Delivery,
    provider_queue,
)
from spooled_lite.core.jobs.records import NewJob, job_type_of


class EventData(Struct, frozen=True):
    object: Raw  # any JSON value, stored byte for byte


class StripeEvent(Struct, frozen=True):
    """Body of POST /webhooks/{org_id}/stripe, as far as it matters here."""

    id: Annotated[str, Meta(min_length=1, max_length=IDEMPOTENCY_KEY_CHARS_MAX)]
    type: Annotated[str, Meta(min_length=1, max_length=EVENT_TYPE_CHARS_MAX)]
    data: EventData


def delivery(event: StripeEvent) -> Delivery:
    """The job of one event; an event that comes again has the same id, and makes no other."""
    payload = bytes(event.data.object)
    tags = {"provider": "stripe", "event_type": event.type, "event_id": event.id}
    return Delivery(
        provider="stripe",
        event_type=event.type,
        job=NewJob(
            queue_name=provider_queue("stripe", event.type.replace(".", "-")),
            payload=payload,
            job_type=job_type_of(payload),
            idempotency_key=event.id,
            tags=msgspec.json.encode(tags),
        ),
    )
