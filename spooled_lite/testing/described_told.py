"""What the OpenAPI document says of the routes that tell what happened."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, RuleBroken
from spooled_lite.testing import journal_routes as journal
from spooled_lite.testing.journal_shapes import JournalView
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter

AFTER: Final = Parameter("after", "Those after this number", {"type": "integer", "minimum": 0})

DESCRIBED_TOLD: Final[Mapping[Handler, Doc]] = {
    journal.show: Doc(
        summary="Read what happened in this world, in order",
        about="The newest 10,000 lines, without headers and bodies. Calls of test mode itself are"
        " not in it.",
        parameters=(
            AFTER,
            Parameter("kind", "Kinds of lines, divided by commas", example="request,event"),
        ),
        answer=JournalView,
        media=("application/json", journal.NDJSON),
        errors=(BadRequest, RuleBroken),
    ),
    journal.clear: Doc(summary="Empty the journal", statuses=(204,), errors=(RuleBroken,)),
}
