"""The routes of renderers, and of the inbox behind a token."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.inbox.records import READ_MAX
from spooled_lite.errors import BadRequest, Conflict, RuleBroken
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import JSON, Doc, Parameter, whole
from spooled_lite.wire.http.resources import inbox, poll, renderers
from spooled_lite.wire.shapes import renderers as shapes
from spooled_lite.wire.shapes.poll import PollView

RENDERERS: Final[Mapping[Handler, Doc]] = {
    renderers.list_all: Doc(
        summary="List renderers by name",
        answer=list[shapes.RendererView],
    ),
    renderers.get: Doc(summary="Show a renderer", answer=shapes.RendererView),
    renderers.put: Doc(
        summary="Store a renderer, in place of the one of this name",
        about="What matches its pattern is shown to the holders of tokens as its template says. A "
        "template that cannot be read is refused, and the message names the place.",
        body=shapes.PutRenderer,
        example={
            "pattern": "order.*",
            "event": "order-update",
            "template": "<li>{{data.step}}</li>",
        },
        answer=shapes.RendererView,
        errors=(Conflict,),
    ),
    renderers.delete: Doc(summary="Delete a renderer", statuses=(204,)),
    poll.poll: Doc(
        summary="Read the inbox of the identity of a token",
        about="The notifications within the topics of the token, each as its renderers say, one "
        "behind the other; what nothing renders is left out. The header `X-Wire-Cursor` is the "
        "next `after`. With `Accept: application/json` they come as JSON, also those that nothing "
        "renders. Nothing is marked as seen.",
        parameters=(
            Parameter("after", "Only those behind this number", {"type": "integer", "minimum": 0}),
            Parameter("limit", "How many are looked at", whole(inbox.SHOWN, 1, READ_MAX)),
        ),
        answer=(PollView, str),
        media=(JSON, "text/html"),
        errors=(BadRequest, RuleBroken),
    ),
}
