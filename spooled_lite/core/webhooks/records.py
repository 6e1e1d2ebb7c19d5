"""What callers send about outgoing webhooks, what core is told, and what they get."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.bodies import is_omitted
from spooled_lite.core.jobs.records import NULL
from spooled_lite.errors import RuleBroken
from spooled_lite.events import Row
from spooled_lite.times import format_ms, format_optional_ms

NAME_CHARS_MAX: Final = 255
URL_CHARS_MAX: Final = 2048
SECRET_CHARS_MAX: Final = 255
EVENTS_GIVEN_MAX: Final = 100
DELIVERIES_SHOWN_MAX: Final = 100  # of one webhook; older ones are kept and cannot be read

# Contract: schedules-workflows-webhooks, section 3.1.
EVENTS: Final = (
    "job.created",
    "job.started",
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.deadlettered",
    "job.retried",
    "queue.paused",
    "queue.resumed",
    "worker.registered",
    "worker.deregistered",
    "worker.offline",
    "schedule.triggered",
    "workflow.completed",
    "workflow.failed",
)
ALIASES: Final[Mapping[str, str]] = {
    "job.dead_letter": "job.deadlettered",
    "job.dead-letter": "job.deadlettered",
    "job.dlq": "job.deadlettered",
    "job.processing": "job.started",
}
STATUSES: Final = ("pending", "success", "failed")  # of a delivery
FORMATS: Final = ("json", "slack", "discord", "teams")

Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Url = Annotated[str, Meta(min_length=1, max_length=URL_CHARS_MAX)]
Events = Annotated[list[str], Meta(min_length=1, max_length=EVENTS_GIVEN_MAX)]
Secret = Annotated[str, Meta(max_length=SECRET_CHARS_MAX)]


class CreateWebhook(Struct, kw_only=True):
    """Body of POST /outgoing-webhooks. Where the address may lead is looked at by the caller."""

    name: Name
    url: Url
    events: Events
    secret: Secret | None = None
    enabled: bool | None = None
    format: str | None = None


class UpdateWebhook(Struct, kw_only=True):
    """Body of PUT /outgoing-webhooks/{id}. What is left out or null is kept; only `secret` is
    cleared by a null."""

    name: Name | None = None
    url: Url | None = None
    events: Events | None = None
    secret: Secret | UnsetType | None = UNSET
    enabled: bool | None = None
    format: str | None = None


class NewWebhook(Struct, frozen=True, kw_only=True):
    """What core is asked to store."""

    name: str
    url: str
    events: tuple[str, ...]
    secret: str | None = None
    enabled: bool = True
    format: str = "json"

    @classmethod
    def from_wire(cls, body: CreateWebhook) -> Self:
        """Raises RuleBroken for an event or a format that there is not."""
        return cls(
            name=body.name,
            url=body.url,
            events=_known_events(body.events),
            secret=body.secret or None,
            enabled=body.enabled is not False,
            format=_known_format("json" if body.format is None else body.format),
        )


class WebhookChanges(Struct, frozen=True):
    """What core is asked to change: new values by column."""

    columns: Mapping[str, Any] = {}

    @classmethod
    def from_wire(cls, body: UpdateWebhook) -> Self:
        """Raises RuleBroken for an event or a format that there is not."""
        given: dict[str, Any] = {
            "name": body.name,
            "url": body.url,
            "events": None if body.events is None else events_json(_known_events(body.events)),
            "enabled": None if body.enabled is None else int(body.enabled),
            "format": None if body.format is None else _known_format(body.format),
        }
        columns = {name: value for name, value in given.items() if value is not None}
        if body.secret is not UNSET:
            columns["secret"] = body.secret or None
        return cls(columns)


class WebhookView(Struct, frozen=True, kw_only=True):
    """A webhook as it goes over the wire. Its secret never does. Contract: section 3.2."""

    id: str
    organization_id: str
    name: str
    url: str
    events: list[str]
    format: str
    enabled: bool
    failure_count: int
    last_triggered_at: str | None
    last_status: str | None
    has_secret: bool
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, row: Row, org_id: str) -> Self:
        return cls(
            id=row["id"],
            organization_id=org_id,
            name=row["name"],
            url=row["url"],
            events=msgspec.json.decode(row["events"]),
            format=row["format"],
            enabled=bool(row["enabled"]),
            failure_count=row["failure_count"],
            last_triggered_at=format_optional_ms(row["last_triggered_at_ms"]),
            last_status=row["last_status"],
            has_secret=row["secret"] is not None,
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )


class Outgoing(Struct, frozen=True, kw_only=True):
    """One call that is to be made now. `repr` is for logs: it shows neither secret nor address."""

    seq: int = 0  # of its delivery; 0: there is none
    id: str  # the same on every attempt: what receivers tell repeats by
    event: str
    endpoint: str
    url: str
    secret: str | None
    format: str
    attempt: int  # from 1
    body: bytes  # the envelope, whatever the format

    def __repr__(self) -> str:
        return f"Outgoing({self.id}, {self.event}, attempt {self.attempt})"


class Attempt(Struct, frozen=True, kw_only=True):
    """What came of one call. `error` None: the receiver took it."""

    status_code: int | None = None
    response_body: str | None = None
    error: str | None = None
    duration_ms: int = 0
    retry_after_seconds: float | None = None  # the receiver wants to be left alone for so long

    @property
    def succeeded(self) -> bool:
        return self.error is None


class TestResult(Struct, frozen=True, kw_only=True):
    """Answer of POST /outgoing-webhooks/{id}/test."""

    __test__ = False  # it only sounds like one of pytest's

    success: bool
    status: Literal["success", "failed"]
    status_code: int | None
    response_time_ms: int
    error: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(
            success=attempt.succeeded,
            status="success" if attempt.succeeded else "failed",
            status_code=attempt.status_code,
            response_time_ms=attempt.duration_ms,
            error=attempt.error,
        )


class DeliveryView(Struct, frozen=True, kw_only=True):
    """A delivery as it goes over the wire, with the twin fields that clients read. Section 3.3."""

    id: str
    webhook_id: str
    event: str
    event_type: str
    payload: Raw
    status: str
    status_code: int | None
    response_body: str | None
    response: str | None
    error: str | None
    attempts: int
    attempt_number: int
    duration: int | None
    created_at: str
    delivered_at: str | None
    values_omitted: bool | UnsetType = UNSET  # true: its payload is left out of a list

    @classmethod
    def of(cls, row: Row, webhook_id: str) -> Self:
        return cls(
            id=row["id"],
            webhook_id=webhook_id,
            event=row["event"],
            event_type=row["event"],
            payload=NULL if is_omitted(row, "body") else Raw(row["body"]),
            values_omitted=is_omitted(row, "body") or UNSET,
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


class RetryResult(Struct, frozen=True, kw_only=True):
    """Answer of POST /outgoing-webhooks/{id}/retry/{delivery_id}: also when the target fails."""

    success: bool
    message: str
    id: str
    delivery_id: str
    status: Literal["success", "failed"]
    status_code: int | None
    attempts: int
    error: str | None

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


def events_json(events: Sequence[str]) -> str:
    return msgspec.json.encode(events).decode()


def endpoint_of(webhook: int) -> str:
    """Whom the deliveries of a webhook take turns with: each other."""
    return str(webhook)


def _known_events(given: Sequence[str]) -> tuple[str, ...]:
    """Canonical names, each once. Contract: section 3.1."""
    known: dict[str, None] = {}
    for position, name in enumerate(given):
        event = ALIASES.get(name, name)
        if event not in EVENTS:
            raise RuleBroken.of(
                f"events[{position}]",
                f"Field `events[{position}]` must be one of {', '.join(EVENTS)}",
                "invalid_value",
            )
        known[event] = None
    return tuple(known)


def _known_format(given: str) -> str:
    if given not in FORMATS:
        raise RuleBroken.of(
            "format", f"Field `format` must be one of {', '.join(FORMATS)}", "invalid_value"
        )
    return given
