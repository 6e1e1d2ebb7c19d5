"""Bodies and answers of incoming webhooks."""

from typing import Annotated, Self

from msgspec import Meta, Raw, Struct

from spooled_lite.core.ingest import custom, stripe
from spooled_lite.core.ingest.columns import InboundRow, IngestStatus, Provider
from spooled_lite.core.ingest.receive import outcome_of
from spooled_lite.core.ingest.records import (
    EVENT_TYPE_CHARS_MAX,
    IDEMPOTENCY_KEY_CHARS_MAX,
    Delivery,
)
from spooled_lite.core.jobs.enqueue import Enqueued
from spooled_lite.core.jobs.records import PRIORITIES, SHORT, queue_of
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import CreatedAt, Id, QueueName, SameQueueName

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
EventType = Annotated[str, Meta(max_length=custom.EVENT_CHARS_MAX), about(f"What happened, for the log: up to {custom.EVENT_CHARS_MAX} letters, digits, `-`, `_` and `.`. Default: custom", "order.created")]
IdempotencyKey = Annotated[str, SHORT, about("One job per key and organization, those of other calls included: a repeat shows the first one", "order-7")]
OutcomeShown = Annotated[IngestStatus, about("Whether it made a job, or had made one before", "created")]
LoggedOutcome = Annotated[IngestStatus | None, about("Whether it made a job, or had made one before", "created")]
Sender = Annotated[Provider, about("Who sent it", "github")]
EventTypeShown = Annotated[str, about("What happened, as the sender calls it", "push")]
MatchedQueue = Annotated[str, about("The queue of its job", "github-push")]
# fmt: on


class CustomEvent(Struct, kw_only=True):
    """Body of POST /webhooks/{org_id}/custom. Null means absent, except as the payload."""

    payload: job.Payload  # required; stored byte for byte
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    event_type: EventType | None = None
    idempotency_key: IdempotencyKey | None = None
    priority: Annotated[job.Priority, PRIORITIES] | None = None

    def delivery(self) -> Delivery:
        """Merge aliases.

        Raises:
            WrongShape: the queue is missing in all its spellings.
            RuleBroken: a bad name of a queue or an event.
        """
        name = queue_of(self.queue_name, self.queue)
        return custom.delivery(
            bytes(self.payload),
            queue_name=custom.checked_queue(
                name, "queue" if self.queue_name is None else "queue_name"
            ),
            event=self.event_type,
            idempotency_key=self.idempotency_key,
            priority=self.priority,
        )


class StripeData(Struct, frozen=True):
    object: Raw  # any JSON value, stored byte for byte


class StripeEvent(Struct, frozen=True):
    """Body of POST /webhooks/{org_id}/stripe, as far as it is read."""

    id: Annotated[str, Meta(min_length=1, max_length=IDEMPOTENCY_KEY_CHARS_MAX)]
    type: Annotated[str, Meta(min_length=1, max_length=EVENT_TYPE_CHARS_MAX)]
    data: StripeData

    def delivery(self) -> Delivery:
        return stripe.delivery(bytes(self.data.object), event=self.type, event_id=self.id)


class Received(Struct, frozen=True, kw_only=True):
    """Answer of POST /webhooks/{org_id}/...: every field that a client reads.

    Contract: schedules-workflows-webhooks, section 4.1.
    """

    job_id: job.JobId
    queue_name: QueueName
    status: job.Status  # at the time of the answer
    created: job.Created
    delivery_status: OutcomeShown

    @classmethod
    def of(cls, stored: Enqueued) -> Self:
        return cls(
            job_id=stored.row["id"],
            queue_name=stored.row["queue_name"],
            status=stored.row["status"],
            created=stored.created,
            delivery_status=outcome_of(stored),
        )


class LogEntry(Struct, frozen=True, kw_only=True):
    """A line of GET /webhooks/deliveries. It has neither payload nor signature."""

    id: Id
    provider: Sender
    event_type: EventTypeShown
    matched_queue: MatchedQueue | None
    job_id: job.JobId | None
    status: LoggedOutcome
    created_at: CreatedAt

    @classmethod
    def of(cls, row: InboundRow) -> Self:
        return cls(
            id=row["id"],
            provider=row["provider"],
            event_type=row["event_type"],
            matched_queue=row["matched_queue"],
            job_id=row["job_id"],
            status=row["status"],
            created_at=format_ms(row["created_at_ms"]),
        )
