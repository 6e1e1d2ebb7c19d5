"""The routes of the server itself: health and documents."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.errors import NotFound
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents import pages as documents
from spooled_lite.wire.http.documents.described import answers
from spooled_lite.wire.http.documents.described.doc import Doc
from spooled_lite.wire.http.resources import health

SERVER: Final[Mapping[Handler, Doc]] = {
    health.overview: Doc(
        summary="Does the server live, and in what state?",
        about="Always 200, as long as the process answers.",
        answer=answers.Health,
    ),
    health.live: Doc(summary="Does the process answer?", answer=answers.Live),
    health.ready: Doc(
        summary="Can the server take work?",
        about="503 with the reason when it cannot.",
        answer=answers.Ready,
    ),
    documents.front: Doc(
        summary="Lead a browser to the page for people",
        about="A client that does not accept `text/html` gets 404.",
        statuses=(302,),
        errors=(NotFound,),
    ),
    documents.openapi: Doc(
        summary="This document", about="OpenAPI 3.1, for programs.", answer=dict[str, Any]
    ),
    documents.docs: Doc(
        summary="This document, for people",
        about="One page that loads nothing from other places.",
        answer=str,
        media=("text/html",),
    ),
}
