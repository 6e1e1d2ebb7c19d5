"""Bodies and answers about webhooks. Answers give some values under two names clients read."""

from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.bodies import is_omitted
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.topics.pattern import (
    PATTERNS_CHARS_MAX,
    PATTERNS_MAX,
    checked_patterns,
)
from spooled_lite.core.webhooks.columns import DeliveryRow, WebhookRow
from spooled_lite.core.webhooks.records import (
    EVENTS_GIVEN_MAX,
    FORMATS,
    SECRET_CHARS_MAX,
    URL_CHARS_MAX,
    WEBHOOK_EVENTS,
    WEBHOOK_NAME_CHARS_MAX,
    Attempt,
    NewWebhook,
    WebhookChanges,
    check_asks_for_something,
    checked_events,
    checked_format,
    events_json,
    topics_json,
    topics_of,
)
from spooled_lite.errors import WrongShape
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import CreatedAt, Id, OrganizationId, UpdatedAt

AN_ID: Final = "3f0d8a52-7b1c-4e7e-9b50-2c4f6a8e1d33"

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Name = Annotated[str, about("The name of the webhook", "Failures to the team")]
Url = Annotated[str, about("The address that is called", "https://hooks.example.org/spooled")]
Events = Annotated[list[str], about(f"The events it gets: {', '.join(f'`{each}`' for each in WEBHOOK_EVENTS)}", ["job.failed"])]
Topics = Annotated[list[str], about(f"Patterns of topics: it gets the live messages that match, and what the server tells under `spooled.`. Up to {PATTERNS_MAX}, with {PATTERNS_CHARS_MAX} characters together; with some, `events` may be empty", ["order.#"])]
Enabled = Annotated[bool, about("Whether it is called", True)]
Format = Annotated[str, one_of("The body of a call: `json` with all there is, or a message as a chat service takes it", *FORMATS)]
FailureCount = Annotated[int, a_count("Failed deliveries in a row")]
LastTriggeredAt = Annotated[str, a_time("When it was called last")]
LastStatus = Annotated[str, one_of("The result of the last finished delivery", "success", "failed", "auto_disabled")]
HasSecret = Annotated[bool, about("Whether calls are signed", True)]

WebhookId = Annotated[str, about("The webhook", AN_ID)]
DeliveryId = Annotated[str, about("The delivery", AN_ID)]
Event = Annotated[str, about("The event", "job.failed")]
SameEvent = Annotated[str, about("The same as `event`", "job.failed")]
Payload = Annotated[Raw, about("What is sent, in the format `json`", {"id": AN_ID, "event": "job.failed"})]
ResultSoFar = Annotated[str, one_of("The result so far", "success", "failed", "pending")]
StatusCode = Annotated[int, about("The status of the receiver's last answer", 200)]
ResponseBody = Annotated[str, about("The beginning of the receiver's last answer", "ok")]
SameResponseBody = Annotated[str, about("The same as `response_body`", "ok")]
LastError = Annotated[str, about("The last error", "HTTP 500 Internal Server Error")]
Attempts = Annotated[int, a_count("Calls made so far", 1)]
SameAttempts = Annotated[int, a_count("The same as `attempts`", 1)]
LastCallMs = Annotated[int, a_count("Milliseconds that the last call took", 35)]
DeliveredAt = Annotated[str, a_time("When the receiver accepted it")]
PayloadOmitted = Annotated[bool, about("True: its payload is left out, the list would be too large", False)]

WasAccepted = Annotated[bool, about("Whether the receiver accepted it", True)]
CallResult = Annotated[Literal["success", "failed"], about("The result", "success")]
CallMs = Annotated[int, a_count("Milliseconds that the call took", 35)]
ResultInWords = Annotated[str, about("The result in words", "The delivery was received")]

_NameGiven = Annotated[str, Meta(min_length=1, max_length=WEBHOOK_NAME_CHARS_MAX), about(f"For people, 1 to {WEBHOOK_NAME_CHARS_MAX} characters", "Failures to the team")]
_UrlGiven = Annotated[Url, Meta(min_length=1, max_length=URL_CHARS_MAX)]
_EventsGiven = Annotated[Events, Meta(max_length=EVENTS_GIVEN_MAX)]
_TopicsGiven = Annotated[Topics, Meta(max_length=PATTERNS_MAX)]
_SecretGiven = Annotated[str, Meta(max_length=SECRET_CHARS_MAX), about("Signs every call; never shown. Empty or null: calls are not signed", "keep-me-secret")]
# fmt: on


class CreateWebhook(Struct, kw_only=True):
    """Body of POST /outgoing-webhooks. The handler checks the target of the address."""

    name: _NameGiven
    url: _UrlGiven
    events: _EventsGiven | UnsetType = UNSET
    topics: _TopicsGiven | None = None
    secret: _SecretGiven | None = None
    enabled: Enabled | None = None
    format: Format | None = None

    def webhook(self) -> NewWebhook:
        """Raises:
        RuleBroken: an unknown event or format, a wrong pattern, or nothing to be called for.
        WrongShape: it says neither events nor topics.
        """
        topics = checked_patterns(self.topics or (), "topics")
        if self.events is UNSET and not topics:
            raise WrongShape.missing("events")
        events = () if self.events is UNSET else checked_events(self.events)
        check_asks_for_something(events, topics)
        return NewWebhook(
            name=self.name,
            url=self.url,
            events=events,
            topics=topics,
            secret=self.secret or None,
            enabled=self.enabled is not False,
            format=checked_format("json" if self.format is None else self.format),
        )


class UpdateWebhook(Struct, kw_only=True):
    """Body of PUT /outgoing-webhooks/{id}. Fields that are left out or null are kept, except that
    null clears `secret`."""

    name: _NameGiven | None = None
    url: _UrlGiven | None = None
    events: _EventsGiven | None = None
    topics: _TopicsGiven | None = None
    secret: _SecretGiven | UnsetType | None = UNSET
    enabled: Enabled | None = None
    format: Format | None = None

    def changes(self) -> WebhookChanges:
        """Raises RuleBroken for an unknown event or format, or a wrong pattern."""
        given: dict[str, Any] = {
            "name": self.name,
            "url": self.url,
            "events": None if self.events is None else events_json(checked_events(self.events)),
            "enabled": None if self.enabled is None else int(self.enabled),
            "format": None if self.format is None else checked_format(self.format),
        }
        columns = {name: value for name, value in given.items() if value is not None}
        if self.topics is not None:
            columns["topics"] = topics_json(checked_patterns(self.topics, "topics"))
        if self.secret is not UNSET:
            columns["secret"] = self.secret or None
        return WebhookChanges(columns)


class WebhookView(Struct, frozen=True, kw_only=True):
    """A webhook. Its secret is never shown. Contract: schedules-workflows-webhooks, 3.2."""

    id: Id
    organization_id: OrganizationId
    name: Name
    url: Url
    events: Events
    topics: Topics
    format: Format
    enabled: Enabled
    failure_count: FailureCount
    last_triggered_at: LastTriggeredAt | None
    last_status: LastStatus | None
    has_secret: HasSecret
    created_at: CreatedAt
    updated_at: UpdatedAt

    @classmethod
    def of(cls, row: WebhookRow, org_id: str) -> Self:
        return cls(
            id=row["id"],
            organization_id=org_id,
            name=row["name"],
            url=row["url"],
            events=msgspec.json.decode(row["events"], type=list[str]),
            topics=topics_of(row["topics"]),
            format=row["format"],
            enabled=bool(row["enabled"]),
            failure_count=row["failure_count"],
            last_triggered_at=format_optional_ms(row["last_triggered_at_ms"]),
            last_status=row["last_status"],
            has_secret=row["secret"] is not None,
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )


class JobDelivery(Struct, frozen=True, kw_only=True):
    """A delivery that an event of a job caused: to a webhook, or to its completion webhook."""

    id: Id
    webhook_id: WebhookId | None
    event: Event
    event_type: SameEvent
    payload: Payload
    status: ResultSoFar
    status_code: StatusCode | None
    response_body: ResponseBody | None
    response: SameResponseBody | None
    error: LastError | None
    attempts: Attempts
    attempt_number: SameAttempts
    duration: LastCallMs | None
    created_at: CreatedAt
    delivered_at: DeliveredAt | None
    values_omitted: PayloadOmitted | UnsetType = UNSET

    @classmethod
    def of(cls, row: DeliveryRow, webhook_id: str | None) -> Self:
        body = row["body"]
        return cls(
            id=row["id"],
            webhook_id=webhook_id,
            event=row["event"],
            event_type=row["event"],
            payload=NULL if body is None else Raw(body),
            values_omitted=is_omitted(row["body"], row["size_bytes"]) or UNSET,
            status=row["status"],
            status_code=row["status_code"],
            response_body=row["response_body"],
            response=row["response_body"],
            error=row["error"],
            attempts=row["attempts"],
            attempt_number=row["attempts"],
            duration=row["duration_ms"],
            created_at=format_ms(row["created_at_ms"]),
            delivered_at=format_optional_ms(row["delivered_at_ms"]),
        )


class DeliveryView(JobDelivery, frozen=True, kw_only=True):
    """A delivery of a webhook. Contract: schedules-workflows-webhooks, 3.3, route 27."""

    webhook_id: WebhookId


class TestResult(Struct, frozen=True, kw_only=True):
    """Answer of POST /outgoing-webhooks/{id}/test."""

    __test__ = False  # pytest would collect it, because its name begins with Test

    success: WasAccepted
    status: CallResult
    status_code: StatusCode | None
    response_time_ms: CallMs
    error: LastError | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(
            success=attempt.succeeded,
            status="success" if attempt.succeeded else "failed",
            status_code=attempt.status_code,
            response_time_ms=attempt.duration_ms,
            error=attempt.error,
        )


class RetryResult(Struct, frozen=True, kw_only=True):
    """Answer of POST /outgoing-webhooks/{id}/retry/{delivery_id}, also when the call fails."""

    success: WasAccepted
    message: ResultInWords
    id: Id
    delivery_id: DeliveryId
    status: CallResult
    status_code: StatusCode | None
    attempts: Attempts
    error: LastError | None

    @classmethod
    def of(cls, attempt: Attempt, delivery_id: str, attempts: int) -> Self:
        return cls(
            success=attempt.succeeded,
            message="The delivery was received"
            if attempt.succeeded
            else f"The delivery failed: {attempt.error}",
            id=delivery_id,
            delivery_id=delivery_id,
            status="success" if attempt.succeeded else "failed",
            status_code=attempt.status_code,
            attempts=attempts,
            error=attempt.error,
        )
