"""Rows about outgoing webhooks: whole ones, and the parts of them that single statements read.

Times are milliseconds since the epoch; flags are 0 or 1.
"""

from typing import Literal, TypedDict

DeliveryStatus = Literal["pending", "success", "failed"]


class WebhookRow(TypedDict):
    """A whole row of `webhooks`."""

    seq: int
    id: str
    org: int
    name: str
    url: str
    events: str  # a JSON array of names
    topics: str | None  # a JSON array of patterns; None: none
    secret: str | None
    format: str
    enabled: int
    failure_count: int
    last_triggered_at_ms: int | None
    last_call_ms: int | None
    last_status: str | None
    created_at_ms: int
    updated_at_ms: int
    drop_to: int | None
    deleted_at_ms: int | None


class CalledRow(TypedDict):
    """A webhook that an event is owed to."""

    seq: int
    id: str


class SubscribedRow(CalledRow):
    """One that is switched on, with the events it asked for."""

    events: str
    topics: str | None
    org_id: str


class StillThereRow(CalledRow):
    """One that had asked for an event, as it is when its delivery is written."""

    enabled: int


class OwedEventRow(TypedDict):
    """A whole row of `owed_events`, with its organization."""

    seq: int
    org: int
    event: str
    job_id: str | None
    at_ms: int
    data: bytes
    webhooks: str  # a JSON array of their numbers
    written: int
    org_id: str
    org_deleted_at_ms: int | None


class FirstOwedRow(TypedDict):
    """The delivery that an endpoint gets next, and what is known of the endpoint."""

    org: int
    endpoint: str
    next_attempt_at_ms: int
    is_cleared: int
    last_call_ms: int | None


class DueRow(TypedDict):
    """A delivery that is owed, and when it is to be tried."""

    seq: int
    next_attempt_at_ms: int


class DuePositionRow(DueRow):
    """The same, with its endpoint: its whole place in the index of what is due."""

    endpoint: str


class OutgoingRow(TypedDict):
    """A delivery as it is to be sent: with the address, secret and format of now."""

    seq: int
    id: str
    org: int
    webhook: int | None
    event: str
    endpoint: str
    attempts: int
    status: DeliveryStatus
    body: bytes
    is_dropped: int | None
    url: str
    secret: str | None
    format: str


class AttemptedRow(TypedDict):
    """A delivery whose attempt was written down just now."""

    webhook: int | None
    attempts: int


class FailedWebhookRow(TypedDict):
    """A webhook whose failure was counted just now."""

    org: int
    failure_count: int
    enabled: int


class DeliveryStatusRow(TypedDict):
    """A delivery in a list, before the list is filtered by status."""

    seq: int
    status: DeliveryStatus


class JobDeliveryStatusRow(DeliveryStatusRow):
    """The same in the list of a job, with its webhook. None: the completion webhook of the job."""

    webhook_id: str | None


class DeliveryRow(TypedDict):
    """A delivery as it is shown. Its body is read apart, where a list has room for it."""

    seq: int
    id: str
    event: str
    status: DeliveryStatus
    status_code: int | None
    response_body: str | None
    error: str | None
    attempts: int
    duration_ms: int | None
    created_at_ms: int
    delivered_at_ms: int | None
    body: bytes | None
    size_bytes: int | None


class ClearedRow(TypedDict):
    """A webhook that is off or deleted, whose deliveries are cleared away."""

    seq: int
    drop_to: int
    deleted_at_ms: int | None
