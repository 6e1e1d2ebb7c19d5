"""The routes of event streams and of the WebSocket."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.errors import AccessDenied, BadRequest, RuleBroken
from spooled_lite.storage.event_log import KEPT_MAX
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, whole
from spooled_lite.wire.http.resources import event_log, streams
from spooled_lite.wire.shapes.event_log import LoggedEvent

EVENT_STREAM: Final = ("text/event-stream",)
_FRAMES: Final[Mapping[str, Any]] = {
    "type": "string",
    "enum": ["named", "message", "both", "dotted"],
}
_BACK: Final = Parameter(
    "Last-Event-ID",
    "The last `id` received: later events are sent first, up to 1,000 of the last hour",
    place="header",
    example="1042",
)
_FRAMING: Final = Parameter(
    "frames",
    "How frames are named: with an event line and the type of the enum dialect (`named`), without "
    "one (`message`), both ways (`both`), or as Go's client has it (`dotted`). Else chosen by the "
    "client's `User-Agent`",
    _FRAMES,
)
_FILTERS: Final = (
    Parameter("queue", "One queue; a `*` at the end stands for anything", example="emails"),
    Parameter("queues", "Several queues, separated by commas"),
    Parameter("job_id", "One job"),
    Parameter("worker_id", "One worker"),
    Parameter("events", "Names of events in any dialect, separated by commas; `*` is all"),
)
_OPEN: Final = "The credential may stand in the query, too, as `token` or `api_key`."

REALTIME: Final[Mapping[Handler, Doc]] = {
    streams.events: Doc(
        summary="Stream every event",
        about=f"Server-Sent Events for half an hour. {_OPEN}",
        parameters=(*_FILTERS, _FRAMING, _BACK),
        answer=str,
        media=EVENT_STREAM,
        errors=(RuleBroken,),
    ),
    event_log.list_newest: Doc(
        summary="List the events that happened last, newest first",
        about=f"What streams have told. The newest {KEPT_MAX:,} changes of the last hour are kept, "
        "at least. Events of one change stand together, and may be a few more than `limit`. To go "
        "on, send the last `id` as `before`; to be told what comes, open the stream with the "
        "first one as `Last-Event-ID`.",
        parameters=(
            *_FILTERS,
            Parameter("before", "Only events before this `id`", {"type": "integer"}),
            Parameter(
                "limit",
                "How many; a value out of range counts as the nearest one in it",
                whole(event_log.EVENTS_SHOWN, 1, event_log.EVENTS_SHOWN_MAX),
            ),
        ),
        answer=list[LoggedEvent],
        is_paged=True,
        errors=(RuleBroken, AccessDenied),
    ),
    streams.job_events: Doc(
        summary="Stream one job until it ends",
        about=f"An unknown job is a stream with one error. {_OPEN}",
        parameters=(_FRAMING,),
        answer=str,
        media=EVENT_STREAM,
    ),
    streams.queue_events: Doc(
        summary="Stream one queue",
        about=f"Its statistics every five seconds, and what happens in it. {_OPEN}",
        parameters=(_FRAMING, _BACK),
        answer=str,
        media=EVENT_STREAM,
        errors=(RuleBroken,),
    ),
    streams.websocket: Doc(
        summary="Stream every event over a WebSocket",
        about=f"Commands add and remove subscriptions. {_OPEN}",
        parameters=(
            *_FILTERS,
            Parameter(
                "dialect",
                "Of frames and commands. Else chosen by the client, and by its first command",
                {"type": "string", "enum": ["enum", "dotted"]},
            ),
        ),
        statuses=(101,),
        errors=(RuleBroken, BadRequest),
    ),
}
