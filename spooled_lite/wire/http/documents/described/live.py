"""The routes of live messages to topics."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, RuleBroken
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter
from spooled_lite.wire.http.documents.described.realtime import EVENT_STREAM
from spooled_lite.wire.http.resources import live
from spooled_lite.wire.shapes import live as shapes

_FRAMES: Final = (
    "Server-Sent Events for half an hour: the event is the topic, the data the message. Nothing is "
    "sent again: what comes while no stream is open is lost."
)
_CLIENT: Final = Parameter("client_id", "What this client sends as `sent_by`: it gets none of that")

LIVE: Final[Mapping[Handler, Doc]] = {
    live.send: Doc(
        summary="Send a message to whoever listens to a topic now",
        about="It goes to the streams that are open at this moment, and is kept nowhere. Outgoing "
        "webhooks with a matching pattern are called.",
        body=shapes.Notify,
        example={"topic": "order.7", "message": '{"step": 1}'},
        answer=shapes.Notified,
        statuses=(202,),
    ),
    live.create_token: Doc(
        summary="Make a token that lets a browser listen to topics",
        about="It is good until it expires, or its key is revoked, gets a new secret or may not "
        "make tokens any more.",
        body=shapes.CreateTopicToken,
        example={"topics": ["order.*"], "identity": "user-123", "ttl_seconds": 3600},
        answer=shapes.TopicTokenMade,
    ),
    live.sse_of_token: Doc(
        summary="Stream the topics of a token",
        about=_FRAMES,
        parameters=(_CLIENT,),
        answer=str,
        media=EVENT_STREAM,
        errors=(BadRequest,),
    ),
    live.stream: Doc(
        summary="Stream topics",
        about=_FRAMES,
        parameters=(
            Parameter("patterns", "Patterns, separated by commas; required", example="order.*"),
            _CLIENT,
        ),
        answer=str,
        media=EVENT_STREAM,
        errors=(RuleBroken, BadRequest),
    ),
    live.presence: Doc(
        summary="Show who is there",
        about="The identities of the tokens that have a stream open and name exactly this topic.",
        parameters=(Parameter("topic", "A topic or a pattern; required", example="order.7"),),
        answer=shapes.Present,
        errors=(RuleBroken, BadRequest),
    ),
}
