"""The list of what happened last: what a stream would have told. Contract: amendments, 2 (S9)."""

from typing import Final

from spooled_lite.wire.http.call import Call, Reply
from spooled_lite.wire.http.paging import integer, listing
from spooled_lite.wire.realtime.filters import of_query
from spooled_lite.wire.realtime.recent import recent_events

EVENTS_SHOWN: Final = 200
EVENTS_SHOWN_MAX: Final = 500
_LATEST: Final = 2**62  # after every row


async def list_newest(call: Call) -> Reply:
    wanted = of_query(call.query_all)
    wanted.check_scope(call.scope)
    found = await call.reads.read(
        recent_events,
        call.org,
        wanted,
        call.scope,
        before=integer(call, "before", default=_LATEST, least=0, most=_LATEST),
        rows_max=integer(call, "limit", default=EVENTS_SHOWN, least=1, most=EVENTS_SHOWN_MAX),
    )
    return listing(found.events, has_more=found.has_more)
