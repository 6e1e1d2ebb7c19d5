"""Writes one event stream, directly over ASGI. Contract: realtime, section 4.1."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

from starlette.types import Receive, Send

from spooled_lite.errors import SpooledError
from spooled_lite.wire.realtime.feed import Feed
from spooled_lite.wire.realtime.replay import Missed, replayed
from spooled_lite.wire.realtime.stream import Stream

logger = logging.getLogger(__name__)

MEDIA: Final = b"text/event-stream; charset=utf-8"
HEADERS: Final = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
OPENED: Final = b": connected\n\n"


async def write_stream(
    feed: Feed, stream: Stream, first: bytes, missed: Missed | None, receive: Receive, send: Send
) -> None:
    """Write frames until the stream ends or its client has left. The head was sent before.

    When a client does not read, its backlog overflows, and the server's time limit for sending
    cuts its connection.
    """
    loop = asyncio.get_running_loop()
    write = partial(_write, send)
    stream.is_opening = False
    await write(OPENED + first)
    try:
        if missed is not None:
            async for part in _until_ended(stream, replayed(feed, stream, missed)):
                await write(part)
        while parts := await stream.next_parts():
            await write(b"".join(parts))  # type: ignore[arg-type]  # bytes, of this kind of stream
            stream.written_at = loop.time()
    except SpooledError as error:
        feed.counted.log(
            logger,
            logging.WARNING,
            "event streams that end early",
            "an event stream ends early: %s",
            error,
        )
    await write(b"", more_body=False)


async def write_nothing(receive: Receive, send: Send) -> None:
    await _write(send, b"", more_body=False)


async def _until_ended(stream: Stream, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for part in parts:
        if stream.end is not None:
            return
        yield part


async def _write(send: Send, body: bytes, *, more_body: bool = True) -> None:
    message: dict[str, Any] = {
        "type": "http.response.body",
        "body": body,
        "more_body": more_body,
    }
    await send(message)
