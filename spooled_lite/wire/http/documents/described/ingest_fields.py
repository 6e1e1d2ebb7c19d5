"""Fields of webhooks that come in."""

from typing import Final

from spooled_lite.core.ingest.custom import EVENT_TYPE_CHARS_MAX
from spooled_lite.wire.http.documents.described.field import Field, one_of

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
INGEST: Final = {
    "CustomEvent.event_type": Field(f"What happened, for the log: up to {EVENT_TYPE_CHARS_MAX} letters, digits, `-`, `_` and `.`. Default: custom", "order.created"),
    "CustomEvent.idempotency_key": Field("One job per key and organization, those of other calls included: a repeat shows the first one", "order-7"),
    "delivery_status": one_of("Whether it made a job, or had made one before", "created", "duplicate"),
    "provider": one_of("Who sent it", "github", "stripe", "custom"),
    "LogEntry.event_type": Field("What happened, as the sender calls it", "push"),
    "LogEntry.status": one_of("Whether it made a job, or had made one before", "created", "duplicate"),
    "matched_queue": Field("The queue of its job", "github-push"),
}
# fmt: on
