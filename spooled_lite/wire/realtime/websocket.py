"""One WebSocket: one task writes frames, the other reads commands. Contract: realtime, 5."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from starlette.types import Receive, Send

from spooled_lite.wire.http.server.upgrade import FRAMES
from spooled_lite.wire.realtime.commands import obey
from spooled_lite.wire.realtime.ends import End
from spooled_lite.wire.realtime.feed import Feed
from spooled_lite.wire.realtime.stream import Stream

logger = logging.getLogger(__name__)

# A stream that ends for another reason than its client's wish never gets 1000 or 1001, since the
# client would not come back. Contract: realtime, section 5.7.
CLOSE_CODES: Final[Mapping[End, int]] = {
    "done": 1000,
    "revoked": 1008,
    "failed": 1011,
    "stopping": 1012,
    "slow": 1013,
}


async def converse(feed: Feed, stream: Stream, receive: Receive, send: Send) -> None:
    """Serve the WebSocket until either side ends it. The upgrade was accepted before."""
    writer = asyncio.create_task(_write(stream, send), name="websocket-writer")

    def ended() -> None:
        # The writer may be waiting for a client that does not read.
        if stream.end == "slow":
            writer.cancel()

    stream.on_end = ended
    try:
        await _read(feed, stream, receive, send)
    except Exception:
        logger.exception("a WebSocket failed")
        stream.finish("failed")
        await asyncio.wait({writer}, timeout=feed.timing.turn_seconds)
    finally:
        stream.on_end = None
        stream.finish("done")
        writer.cancel()
        await asyncio.wait({writer})


async def _write(stream: Stream, send: Send) -> None:
    try:
        while parts := await stream.next_parts():
            for part in parts:
                await send(_message(part))
    except asyncio.CancelledError:
        if stream.end != "slow":
            raise
    except OSError:
        return  # the client has left
    assert stream.end is not None, "next_parts() is empty only at the end"
    await _close(send, CLOSE_CODES[stream.end])


def _message(part: bytes | str) -> dict[str, Any]:
    if isinstance(part, bytes):
        return {"type": "websocket.send", FRAMES: part}
    return {"type": "websocket.send", "text": part}


async def _close(send: Send, code: int) -> None:
    # The client may have left, or the WebSocket may be closed already.
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": code})


async def _read(feed: Feed, stream: Stream, receive: Receive, send: Send) -> None:
    """Obey one command at a time: the next is read once the client has taken the answers."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None or stream.end is not None:
            continue  # a binary message is not a command
        # Answers overtake the events in line, since the client waits for them.
        answers = await feed.commands.run(
            partial(obey, feed.streams, stream, text, now_ms=feed.clock.now_ms())
        )
        for answer in answers:
            try:
                await send({"type": "websocket.send", "text": answer})
            except OSError:
                return
            except RuntimeError:
                if stream.end is None:
                    raise
                break  # the stream was closed while the answer waited
