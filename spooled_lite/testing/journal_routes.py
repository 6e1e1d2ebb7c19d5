"""Reading and emptying the journal of a world over HTTP."""

from typing import Final, cast

import msgspec

from spooled_lite.testing.calls import seen_by, world_of
from spooled_lite.testing.journal import KINDS, JournalKind
from spooled_lite.testing.journal_shapes import JournalView
from spooled_lite.testing.queries import check_query, chosen, wants, whole
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply

NDJSON: Final = "application/x-ndjson"


async def show(call: Call) -> Reply:
    check_query(call, "after", "kind")
    journal = world_of(call).journal
    kinds = cast("list[JournalKind]", chosen(call, "kind", KINDS))
    lines = list(
        journal.lines(after=whole(call, "after", 0), kinds=frozenset(kinds), org=seen_by(call))
    )
    if wants(call, NDJSON):
        text = msgspec.json.Encoder().encode_lines(lines)
        return Reply(200, text, media=NDJSON.encode())
    return reply(JournalView(lines=lines, last=journal.kept.last_n, dropped=journal.kept.dropped))


async def clear(call: Call) -> Reply:
    check_query(call)
    world_of(call).journal.kept.clear(seen_by(call))
    return NO_CONTENT
