"""One WebSocket: a task that writes, and commands read by the other. Contract: realtime, 5."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from starlette.types import Receive, Send

from spooled_lite.wire.http.server.upgrade import FRAMES
from spooled_lite.wire.realtime.commands import obey
from spooled_lite.wire.realtime.feed import Feed
from spooled_lite.wire.realtime.stream import End, Stream

logger = logging.getLogger(__name__)

# Never 1000 or 1001 by ourselves: a client would not come back. Contract: section 5.7.
CLOSE_CODES: Final[Mapping[End, int]] = {
    "done": 1000,
    "revoked": 1008,
    "failed": 1011,
    "stopping": 1012,
    "slow": 1013,
}


async def converse(feed: Feed, stream: Stream, receive: Receive, send: Send) -> None:
    """Talk until one of the two ends it. The upgrade is accepted already."""
    writer = asyncio.create_task(_write(stream, send), name="websocket-writer")

    def ended() -> None:
        # It may hang in a write that its client does not take.
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
        return  # it has left
    assert stream.end is not None, "otherwise it would still be written to"
    await _close(send, CLOSE_CODES[stream.end])


def _message(part: bytes | str) -> dict[str, Any]:
    if isinstance(part, bytes):
        return {"type": "websocket.send", FRAMES: part}
    return {"type": "websocket.send", "text": part}


async def _close(send: Send, code: int) -> None:
    # It may have left, or have been closed before.
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": code})


async def _read(feed: Feed, stream: Stream, receive: Receive, send: Send) -> None:
    """One command at a time: while an answer is not taken, nothing more is read."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None or stream.end is not None:
            continue  # no command is binary
        # Answers go out ahead of the events in line: a client waits for them.
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
                break  # closed while the answer waited
