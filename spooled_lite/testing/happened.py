"""What happened while time was moved, as the answer to the move tells it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from msgspec import UNSET, Struct, UnsetType

from spooled_lite.events import Event
from spooled_lite.outbound.http_client import ReceiverAnswer
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.deliveries import DeliveryCall
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

# What happens to a message, in the words of its readers.
_OF_MESSAGE: Final[dict[str, str]] = {
    "job.created": "message.sent",
    "job.promoted": "message.visible",
    "job.hidden": "message.hidden",
    "job.claimed": "message.read",
    "job.released": "message.returned",
    "job.retrying": "message.returned",
    "job.completed": "message.completed",
    "job.cancelled": "message.cancelled",
    "job.deleted": "message.deleted",
}
# Not told: what only shows that somebody is there, what nobody sees, what is deleted at the end.
_LEFT_OUT: Final = frozenset({"worker.heartbeat", "job.progress", "job.deleted", "key.changed"})
_WHAT: Final = "An event by its name, or `delivery`: an attempt to call a webhook"


class Happening(Struct, frozen=True, kw_only=True):
    """Something that happened while time was moved."""

    at: Annotated[str, a_time("When, by the clock of the world")]
    what: Annotated[str, about(_WHAT, "job.promoted")]
    job_id: Annotated[str, about("Of an event of a job", AN_ID)] | UnsetType = UNSET
    message_id: Annotated[str, about("Of an event of a message", AN_ID)] | UnsetType = UNSET
    queue_name: Annotated[str, about("Its queue", "emails")] | UnsetType = UNSET
    worker_id: Annotated[str, about("Of an event of a worker", "worker-1")] | UnsetType = UNSET
    schedule_id: Annotated[str, about("The schedule that fired", AN_ID)] | UnsetType = UNSET
    workflow_id: Annotated[str, about("Of an event of a workflow", AN_ID)] | UnsetType = UNSET
    id: Annotated[str, about("Of a delivery", AN_ID)] | UnsetType = UNSET
    attempt: Annotated[int, a_count("The number of the attempt", 2)] | UnsetType = UNSET
    status_code: Annotated[int, a_count("What the receiver said", 500)] | UnsetType | None = UNSET
    error: Annotated[str, about("Why the attempt failed", "HTTP 500")] | UnsetType = UNSET


class Happenings:
    """Those of one move: the first ones are told, the others counted. On the loop's thread."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._is_kept = False
        self._told_max = 0
        self.told: list[Happening] = []
        self.omitted = 0

    def begin(self, told_max: int) -> None:
        self._is_kept, self._told_max = True, told_max
        self.told, self.omitted = [], 0

    def end(self) -> None:
        self._is_kept = False

    def hear(self, events: Sequence[Event]) -> None:
        if not self._is_kept:
            return
        for event in events:
            about = named(event)
            if about["what"] in _LEFT_OUT:
                continue
            if len(self.told) < self._told_max:
                self.told.append(Happening(at=format_ms(event.at_ms), **about))
            else:
                self.omitted += 1

    def delivered(self, call: DeliveryCall, answer: ReceiverAnswer) -> None:
        if not self._is_kept:
            return
        if len(self.told) >= self._told_max:
            self.omitted += 1
            return
        self.told.append(
            Happening(
                at=format_ms(self._clock.now_ms()),
                what="delivery",
                id=call.id,
                attempt=call.attempt,
                status_code=answer.status_code,
                error=UNSET if answer.error is None else answer.error,
            )
        )


def named(event: Event) -> dict[str, Any]:
    """What an event is called and what it is about, by the members that tell it."""
    return {"what": event.type, **_about(event)}


def _about(event: Event) -> dict[str, Any]:
    row = event.row
    match event.type.partition(".")[0]:
        case "job" if row["kind"] == "message":
            what = _OF_MESSAGE.get(event.type, event.type)
            return {"what": what, "message_id": row["id"], "queue_name": row["queue_name"]}
        case "job":
            return {"job_id": row["id"], "queue_name": row["queue_name"]}
        case "queue":
            return {"queue_name": row["queue_name"]}
        case "worker":
            return {"worker_id": row["id"]}
        case "workflow":
            return {"workflow_id": row["id"]}
        case "schedule":
            return {"schedule_id": row["id"], "job_id": event.facts["job_id"]}
        case _:
            return {}
