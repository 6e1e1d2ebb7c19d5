"""Who did what."""

from spooled_lite.core.acts.query import ActsWanted, list_acts
from spooled_lite.wire.http.call import Call, Reply
from spooled_lite.wire.http.paging import page, paged, time_ms
from spooled_lite.wire.shapes.acts import ActView


async def list_all(call: Call) -> Reply:
    shown = page(call)
    wanted = ActsWanted(
        subject=call.query.get("subject") or None,
        key=call.query.get("key") or None,
        since_ms=time_ms(call, "since"),
        kind=call.query.get("kind") or None,
        act=call.query.get("act") or None,
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(list_acts, call.org, wanted)
    return paged([ActView.of(row) for row in rows], shown)
