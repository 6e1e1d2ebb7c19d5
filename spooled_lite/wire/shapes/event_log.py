"""An event of the event log, as it is listed."""

from typing import Annotated

from msgspec import Raw, Struct

from spooled_lite.wire.realtime.names import NAMES
from spooled_lite.wire.shapes.about import about, one_of
from spooled_lite.wire.shapes.common import AN_ID

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
EventId = Annotated[str, about("The number of the event, as in `id` of a stream; events of one change share it", "1042")]
EventKind = Annotated[str, one_of("The name of the event", *NAMES)]
EventData = Annotated[Raw, about("The data of the event, as in a stream, without the result of a job", {"job_id": AN_ID, "queue_name": "emails"})]
# fmt: on


class LoggedEvent(Struct, frozen=True):
    """A row of GET /events/log."""

    id: EventId
    type: EventKind
    data: EventData
