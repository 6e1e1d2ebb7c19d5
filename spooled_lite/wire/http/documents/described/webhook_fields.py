"""Fields of webhooks and their deliveries."""

from typing import Final

from spooled_lite.core.webhooks import records
from spooled_lite.wire.http.documents.described.field import (
    Field,
    count,
    in_each,
    length,
    one_of,
    time,
)

ID: Final = "3f0d8a52-7b1c-4e7e-9b50-2c4f6a8e1d33"
_GIVEN: Final = ("CreateWebhook", "UpdateWebhook")
_WEBHOOK: Final = (*_GIVEN, "WebhookView")
_CALLED: Final = ("TestResult", "RetryResult", "DeliveryView")

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
WEBHOOKS: Final = {
    **in_each(_GIVEN, "name", Field(f"For people, 1 to {records.NAME_CHARS_MAX} characters", "Failures to the team", length(1, records.NAME_CHARS_MAX))),
    "WebhookView.name": Field("The name of the webhook", "Failures to the team"),
    "url": Field("The address that is called", "https://hooks.example.org/spooled"),
    "events": Field(f"The events it gets: {', '.join(f'`{each}`' for each in records.EVENTS)}", ["job.failed"]),
    "secret": Field("Signs every call; never shown. Empty or null: calls are not signed", "keep-me-secret"),
    "has_secret": Field("Whether calls are signed", True),
    **in_each(_WEBHOOK, "enabled", Field("Whether it is called", True)),
    "format": one_of("The body of a call: `json` with all there is, or a message as a chat service takes it", *records.FORMATS),
    "WebhookView.failure_count": count("Failed deliveries in a row"),
    "last_triggered_at": time("When it was called last"),
    "last_status": one_of("The result of the last finished delivery", "success", "failed", "auto_disabled"),
    "webhook_id": Field("The webhook", ID),
    "delivery_id": Field("The delivery", ID),
    "event": Field("The event", "job.failed"),
    "DeliveryView.event_type": Field("The same as `event`", "job.failed"),
    "DeliveryView.values_omitted": Field("True: its payload is left out, the list would be too large", False),
    "DeliveryView.payload": Field("What is sent, in the format `json`", {"id": ID, "event": "job.failed"}),
    **in_each(("TestResult", "RetryResult"), "status", one_of("The result", "success", "failed")),
    **in_each(("TestResult", "RetryResult"), "success", Field("Whether the receiver accepted it", True)),
    "DeliveryView.status": one_of("The result so far", "success", "failed", "pending"),
    "status_code": Field("The status of the receiver's last answer", 200),
    **in_each(_CALLED, "error", Field("The last error", "HTTP 500 Internal Server Error")),
    "response_body": Field("The beginning of the receiver's last answer", "ok"),
    "response": Field("The same as `response_body`", "ok"),
    **in_each(("DeliveryView", "RetryResult"), "attempts", count("Calls made so far", 1)),
    "attempt_number": count("The same as `attempts`", 1),
    "duration": count("Milliseconds that the last call took", 35),
    "response_time_ms": count("Milliseconds that the call took", 35),
    "delivered_at": time("When the receiver accepted it"),
    "RetryResult.message": Field("The result in words", "The delivery was received"),
}
# fmt: on
