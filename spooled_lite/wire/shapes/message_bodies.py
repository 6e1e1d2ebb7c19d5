"""Bodies about messages. Null means absent."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.jobs.records import CENTURY_SECONDS, NULL, SHORT, check_json_size
from spooled_lite.core.messages.records import (
    HEADERS_BYTES_MAX,
    HIDE_MS_MAX,
    IDS_MAX,
    MESSAGES_MAX,
    TOPIC_CHARACTERS_MAX,
    NewMessage,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import Time
from spooled_lite.wire.shapes import message_fields as message
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID
from spooled_lite.wire.shapes.job_fields import ChosenLeaseId
from spooled_lite.wire.shapes.send_fields import options_given

QUANTITY: Final = 1
HIDE_FOR_MS: Final = 30_000
WAIT_MS_MAX: Final = 60_000
_CENTURY_MS: Final = CENTURY_SECONDS * 1000
_MISSING: Final = Raw(b"")

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Body = Annotated[Raw, about("What the message says: any JSON value, given back byte for byte", {"user_id": 5})]
Bodies = Annotated[list[Raw], about(f"Up to {MESSAGES_MAX} bodies, instead of `body`", [{"user_id": 5}])]
Topic = Annotated[str, Meta(max_length=TOPIC_CHARACTERS_MAX), message.TOPIC]
Priority = Annotated[int, Meta(ge=-2_147_483_648, le=2_147_483_647), message.PRIORITY]
Headers = Annotated[Raw, about(f"An object with whatever belongs to the message, up to {HEADERS_BYTES_MAX} bytes; beside `bodies` a list, an object or null for each", {"source": "web"})]
Key = Annotated[str, SHORT, message.KEY]
Keys = Annotated[list[Annotated[str, SHORT] | None], about("Beside `bodies`: a key or null for each of them", ["user-5"])]
VisibleAt = Annotated[Time | None, about("It is not read before this time", "2026-10-01T09:00:00.000Z")]
SameVisibleAt = Annotated[Time | None, about("The same as `visible_at`")]
DelayMs = Annotated[int, Meta(ge=0, le=_CENTURY_MS), about("Milliseconds from now before which it is not read; `visible_at` takes precedence", 500)]
DelaySeconds = Annotated[int, Meta(ge=0, le=CENTURY_SECONDS), about("The same in seconds", 5)]
ExpiresAt = Annotated[Time | None, about("It is not read from this time on, and removed", "2026-10-02T09:00:00.000Z")]
ExpiresInMs = Annotated[int, Meta(ge=1, le=_CENTURY_MS), about("The same, in milliseconds from now; `expires_at` takes precedence", 86_400_000)]
Quantity = Annotated[int, Meta(ge=1, le=MESSAGES_MAX), about("How many at most", 10)]
HideForMs = Annotated[int, Meta(ge=1, le=HIDE_MS_MAX), about("Milliseconds from now until others may read them, up to twelve hours", HIDE_FOR_MS)]
WaitMs = Annotated[int, Meta(ge=0, le=WAIT_MS_MAX), about("How long to wait for a message when there is none", 5_000)]
SameWaitMs = Annotated[int, Meta(ge=0, le=WAIT_MS_MAX), about("The same as `wait_ms`")]
PollInterval = Annotated[int, about("Checked to be above 0 and below the wait, for clients that send it; a read waits for an event", 200)]
ReaderId = Annotated[str, SHORT, about("Who reads; it need not be registered", "reader-1")]
Ids = Annotated[list[str], Meta(max_length=IDS_MAX), about(f"Up to {IDS_MAX} messages of this queue; others are left out of the answer", [AN_ID])]
Lease = Annotated[str, SHORT, about("The fence: refused unless all of them are held under this lease. Without it, whoever holds them does not matter", A_LEASE)]
Items = Annotated[list[Raw], about(f"Up to {MESSAGES_MAX} messages, each with `body`, `concurrency_key` and `headers` of its own; what else it does not name is that of the call", items={"$ref": "#/components/schemas/MessageFields"})]
# fmt: on


class MessageFields(Struct, kw_only=True):
    """What one message and each of several have."""

    body: Body = _MISSING
    topic: Topic | None = None
    priority: Priority | None = None
    headers: Headers = NULL
    concurrency_key: Key | None = None
    visible_at: VisibleAt = None
    scheduled_at: SameVisibleAt = None
    delay_ms: DelayMs | None = None
    delay_seconds: DelaySeconds | None = None
    expires_at: ExpiresAt = None
    expires_in_ms: ExpiresInMs | None = None

    def new_message(self, *, body_bytes_max: int, at: str = "") -> NewMessage:
        """`at` goes in front of the names of fields in errors.

        Raises:
            WrongShape: the body is missing, a time is not valid, the headers are no object.
            RuleBroken: the headers are too large.
            PayloadTooLarge: the body is over `body_bytes_max`.
        """
        body = bytes(self.body)
        if not body:
            raise WrongShape.missing(f"{at}body")
        check_json_size(body, body_bytes_max, f"{at}body")
        return NewMessage(
            body=body,
            topic=self.topic,
            **options_given(self, at),
        )


class SendMessages(MessageFields, kw_only=True):
    """Body of POST /queues/{name}/messages: one message, or several."""

    messages: Items | None = None
    bodies: Bodies | None = None
    concurrency_keys: Keys | None = None

    @property
    def is_one(self) -> bool:
        return self.messages is None and self.bodies is None

    def of_bodies(self) -> list[tuple[str, MessageFields]]:
        """A message for each of `bodies`, with its place. Raises RuleBroken: lists that do not fit."""
        bodies = self.bodies or []
        check_count(bodies, "bodies")
        headers = _each_of(bytes(self.headers), len(bodies))
        keys: Sequence[str | None] | None = self.concurrency_keys
        if keys is None:
            keys = [self.concurrency_key] * len(bodies)
        if len(keys) != len(bodies):
            raise _unequal("concurrency_keys", len(keys), len(bodies))
        return [
            (
                f"bodies[{index}].",
                msgspec.structs.replace(self, body=body, concurrency_key=key, headers=own),
            )
            for index, (body, key, own) in enumerate(zip(bodies, keys, headers, strict=True))
        ]

    def completed(self, item: MessageFields) -> MessageFields:
        """What the item does not name is that of the call; its body is its own."""
        names = [each for each in MessageFields.__struct_fields__ if each != "body"]
        rest = {name: getattr(self, name) for name in names if getattr(item, name) in (None, NULL)}
        return msgspec.structs.replace(item, **rest)


class ReadMessages(Struct, frozen=True, kw_only=True):
    """Body of POST /queues/{name}/messages/read."""

    quantity: Quantity | None = None
    hide_for_ms: HideForMs | None = None
    wait_ms: WaitMs | None = None
    poll_for_ms: SameWaitMs | None = None
    poll_interval_ms: PollInterval | None = None
    worker_id: ReaderId | None = None
    lease_id: ChosenLeaseId | None = None

    def waits_ms(self) -> int:
        """Raises RuleBroken: the interval does not fit into the wait."""
        wait_ms = (self.poll_for_ms if self.wait_ms is None else self.wait_ms) or 0
        if self.poll_interval_ms is not None and not 0 < self.poll_interval_ms < wait_ms:
            raise RuleBroken.of(
                "poll_interval_ms",
                "Field `poll_interval_ms` must be above 0 and below `wait_ms`",
                "range",
            )
        return wait_ms


class DeleteMessages(Struct, frozen=True, kw_only=True):
    """Body of POST /queues/{name}/messages/delete."""

    ids: Ids
    lease_id: Lease | None = None


class HideMessages(DeleteMessages, frozen=True, kw_only=True):
    """Body of POST /queues/{name}/messages/hide."""

    hide_for_ms: HideForMs


def check_count(items: Sequence[object], field: str) -> None:
    if len(items) > MESSAGES_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` may contain at most {MESSAGES_MAX} messages", "length"
        )


def _each_of(headers: bytes, count: int) -> list[Raw]:
    """A list has those of each body; an object, or nothing, holds for all."""
    if headers[:1] != b"[":
        return [Raw(headers)] * count
    each = msgspec.json.decode(headers, type=list[Raw])
    if len(each) != count:
        raise _unequal("headers", len(each), count)
    return each


def _unequal(field: str, count: int, bodies: int) -> RuleBroken:
    return RuleBroken.of(
        field, f"Field `{field}` has {count} entries for {bodies} bodies", "length"
    )
