"""Everything that the file holds as lines of JSON. Contract: amendments, operations."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.types import Receive, Send

from spooled_lite.config_names import nearest
from spooled_lite.errors import BadRequest
from spooled_lite.storage.pin import PinLimits
from spooled_lite.wire.http.call import Call, Reply, StreamReply
from spooled_lite.wire.http.paging import flag, integer

if TYPE_CHECKING:
    from spooled_lite.exports.moments import Export, Moments

logger = logging.getLogger(__name__)

MEDIA: Final = b"application/x-ndjson"
AFTER_MAX: Final = 2**60
PARAMETERS: Final = ("organization", "kinds", "without_secrets", "moment", "after")
SHOWN_MAX: Final = 64  # characters of a name that is not known


async def get(call: Call) -> Reply:
    query = call.query
    # It holds everybody's secrets: a misspelt filter must not widen it to everything.
    for given in query:
        if given not in PARAMETERS:
            hint = f"; the nearest is `{nearest(given, PARAMETERS)}`"
            raise BadRequest(f"Query parameter `{given[:SHOWN_MAX]}` is not known{hint}")
    moments = _moments(call)
    if call.method == "HEAD":
        return StreamReply(200, media=MEDIA, run=_nothing, close=lambda: None)
    if (name := query.get("moment")) is not None:
        after = integer(call, "after", default=0, least=0, most=AFTER_MAX)
        return _streamed(call, moments.resume(name, after))
    kinds = query.get("kinds")
    wanted = moments.wanted(
        organization=query.get("organization") or None,
        kinds=kinds.split(",") if kinds else None,
        with_secrets=not flag(call, "without_secrets"),
    )
    await call.reads.read(moments.check, wanted)
    export = moments.begin(wanted)
    logger.info("an export was begun: %s", wanted)
    return _streamed(call, export)


def _streamed(call: Call, export: "Export") -> Reply:
    return StreamReply(200, media=MEDIA, run=partial(_write, call, export), close=export.close)


async def _write(call: Call, export: "Export", receive: Receive, send: Send) -> None:
    """A client that does not read is cut off by the time limit for sending; one that was cut off
    may come back for the rest."""
    async for chunk in export.chunks():
        if call.is_gone():
            break
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _nothing(receive: Receive, send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _moments(call: Call) -> "Moments":
    """Made when they are first asked for: few servers are."""
    state = call.services.state
    if state.exports is None:
        from spooled_lite.exports.moments import ExportTerms, Moments
        from spooled_lite.exports.place import copy_of

        settings, services = call.settings, call.services
        terms = ExportTerms(
            copy=copy_of(settings, call.db),
            bytes_per_second=settings.backup_mib_per_second * 2**20,
            limits=PinLimits(wal_bytes_max=settings.backup_wal_bytes_max),
            is_stopping=lambda: state.is_stopping,
            now_ms=services.clock.now_ms,
            new_id=services.ids.new_id,
        )
        state.exports = Moments(call.db, terms)
    return state.exports
