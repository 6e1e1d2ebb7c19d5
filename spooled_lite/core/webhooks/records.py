"""The commands that core is given about webhooks, what a call needs, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from spooled_lite.errors import RuleBroken

WEBHOOK_NAME_CHARS_MAX: Final = 255
URL_CHARS_MAX: Final = 2048
SECRET_CHARS_MAX: Final = 255
EVENTS_GIVEN_MAX: Final = 100  # more than there are events: a name may be given twice
DELIVERIES_SHOWN_MAX: Final = 100  # of one webhook; older ones are kept and cannot be read

# Contract: schedules-workflows-webhooks, section 3.1.
WEBHOOK_EVENTS: Final = (
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
DELIVERY_STATUSES: Final = ("pending", "success", "failed")
FORMATS: Final = ("json", "slack", "discord", "teams")


class NewWebhook(Struct, frozen=True, kw_only=True):
    """What core is asked to store."""

    name: str
    url: str
    events: tuple[str, ...]
    topics: tuple[str, ...] = ()
    secret: str | None = None
    enabled: bool = True
    format: str = "json"


class WebhookChanges(Struct, frozen=True):
    """What core is asked to change: new values by column."""

    columns: Mapping[str, Any] = {}


class Outgoing(Struct, frozen=True, kw_only=True):
    """One call to make. `repr` is for logs: it shows neither address nor secret."""

    seq: int = 0  # of its delivery; 0: there is none
    id: str  # the same on every attempt, so that receivers can tell repeats
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
    """The result of one call. `error` is None when the receiver accepted it."""

    status_code: int | None = None
    response_body: str | None = None
    error: str | None = None
    duration_ms: int = 0
    retry_after_seconds: float | None = None  # the receiver asks for no call within this time

    @property
    def succeeded(self) -> bool:
        return self.error is None


def events_json(events: Sequence[str]) -> str:
    return msgspec.json.encode(events).decode()


def topics_json(topics: Sequence[str]) -> str | None:
    return msgspec.json.encode(topics).decode() if topics else None


def topics_of(stored: str | None) -> list[str]:
    """The patterns in the column `topics`."""
    return [] if stored is None else msgspec.json.decode(stored, type=list[str])


def endpoint_of(webhook: int) -> str:
    """The endpoint of a webhook's deliveries: those of one endpoint take turns with each other."""
    return str(webhook)


def checked_events(given: Sequence[str]) -> tuple[str, ...]:
    """Canonical names, each once. Raises RuleBroken for an unknown one.

    Contract: schedules-workflows-webhooks, section 3.1.
    """
    known: dict[str, None] = {}
    for position, name in enumerate(given):
        event = ALIASES.get(name, name)
        if event not in WEBHOOK_EVENTS:
            raise RuleBroken.of(
                f"events[{position}]",
                f"Field `events[{position}]` must be one of {', '.join(WEBHOOK_EVENTS)}",
                "invalid_value",
            )
        known[event] = None
    return tuple(known)


def check_asks_for_something(events: object, topics: object) -> None:
    """Raises RuleBroken: it would never be called."""
    if not events and not topics:
        raise RuleBroken.of(
            "events",
            "Field `events`: Expected `array` of length >= 1, unless there are `topics`",
            "length",
        )


def checked_format(given: str) -> str:
    """Raises RuleBroken for an unknown one."""
    if given not in FORMATS:
        raise RuleBroken.of(
            "format", f"Field `format` must be one of {', '.join(FORMATS)}", "invalid_value"
        )
    return given
