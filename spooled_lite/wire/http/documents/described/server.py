"""The routes of the server itself: health and documents."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.errors import NotFound
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents import pages as documents
from spooled_lite.wire.http.documents.described.doc import Doc
from spooled_lite.wire.http.resources import front, health
from spooled_lite.wire.shapes.health import Health, Live, Ready

SERVER: Final[Mapping[Handler, Doc]] = {
    health.overview: Doc(
        summary="Show the state of the server",
        about="Always 200 while the process runs.",
        answer=Health,
    ),
    health.live: Doc(summary="Check that the process answers", answer=Live),
    health.ready: Doc(
        summary="Check that the server can take work",
        about="503 with the reason when it cannot.",
        answer=Ready,
    ),
    front.page: Doc(
        summary="Show the dashboard",
        about="For a browser. A client that does not accept `text/html` gets 404.",
        answer=str,
        media=("text/html",),
        statuses=(200, 304),
        errors=(NotFound,),
    ),
    documents.openapi: Doc(
        summary="Show this document", about="OpenAPI 3.1, for programs.", answer=dict[str, Any]
    ),
    documents.docs: Doc(
        summary="Show this document as a web page",
        about="It loads nothing from other sites.",
        answer=str,
        media=("text/html",),
    ),
}
