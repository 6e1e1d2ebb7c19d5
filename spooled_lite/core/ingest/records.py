"""Webhooks that come in: what is known of the receiver, what is stored, and what is answered."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct

from spooled_lite.core.jobs.records import NewJob
from spooled_lite.core.orgs.records import PROVIDER_SECRETS
from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.events import Row
from spooled_lite.times import format_ms

Provider = Literal["github", "stripe", "custom"]
Outcome = Literal["created", "duplicate"]

EVENT_TYPE_CHARS_MAX: Final = 255  # of a provider; real ones have some dozens
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255  # as of any job
QUEUE_PART_CHARS_MAX: Final = 64  # what of a provider's event gets into the name of a queue

EventType = Annotated[str, Meta(max_length=EVENT_TYPE_CHARS_MAX)]

_QUEUE_CHARS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_CLOSED: Final = "deleted"  # the tier after a soft deletion


class Receiver(Struct, frozen=True, kw_only=True):
    """The organization that a webhook is for. `repr` is for logs: it shows no secret."""

    org: int
    org_id: str
    is_active: bool
    plan_tier: str
    custom_limits: Mapping[str, Any] | None
    webhook_token: str | None
    secrets: Mapping[str, str | None]  # by the name of the setting

    @classmethod
    def of(cls, row: Row) -> Self:
        """Raises NotFound: a closed organization is as good as none."""
        if row["plan_tier"] == _CLOSED:
            raise NotFound.thing("Organization")
        custom_limits = row["custom_limits"]
        return cls(
            org=row["seq"],
            org_id=row["id"],
            is_active=bool(row["is_active"]),
            plan_tier=row["plan_tier"],
            custom_limits=None if custom_limits is None else msgspec.json.decode(custom_limits),
            webhook_token=row["webhook_token"],
            secrets={name: row[name] for name in PROVIDER_SECRETS},
        )

    def __repr__(self) -> str:
        return f"Receiver({self.org_id})"


class Delivery(Struct, frozen=True, kw_only=True):
    """What a webhook asks for, whoever sent it: one job, and a line of the log."""

    provider: Provider
    event_type: str
    job: NewJob


class Received(Struct, frozen=True, kw_only=True):
    """Answer of POST /webhooks/{org_id}/...: the union of what clients read. Section 4.1."""

    job_id: str
    queue_name: str
    status: str  # of the job, as it is now
    created: bool
    delivery_status: Outcome

    @classmethod
    def of(cls, job: Row, *, created: bool) -> Self:
        return cls(
            job_id=job["id"],
            queue_name=job["queue_name"],
            status=job["status"],
            created=created,
            delivery_status="created" if created else "duplicate",
        )


class LogEntry(Struct, frozen=True, kw_only=True):
    """A line of GET /webhooks/deliveries. Neither payload nor signature is in it."""

    id: str
    provider: Provider
    event_type: str
    matched_queue: str | None
    job_id: str | None
    status: Outcome | None
    created_at: str

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            id=row["id"],
            provider=row["provider"],
            event_type=row["event_type"],
            matched_queue=row["matched_queue"],
            job_id=row["job_id"],
            status=row["status"],
            created_at=format_ms(row["created_at_ms"]),
        )


def provider_queue(provider: Provider, event: str) -> str:
    """The queue of a provider's event: what no queue may be called becomes a dash."""
    part = event[:QUEUE_PART_CHARS_MAX]
    return f"{provider}-" + "".join(each if each in _QUEUE_CHARS else "-" for each in part)


def provider_key(text: str, what: str) -> str:
    """The idempotency key that a provider's id becomes. Raises BadRequest: it is too long."""
    if len(text) > IDEMPOTENCY_KEY_CHARS_MAX:
        raise BadRequest(f"{what} is longer than {IDEMPOTENCY_KEY_CHARS_MAX} characters")
    return text
