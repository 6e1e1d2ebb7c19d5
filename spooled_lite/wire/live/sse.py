"""Writes one stream of topics, directly over ASGI. Contract: realtime, section 4.1."""

import asyncio
from typing import Any

from starlette.types import Receive, Send

from spooled_lite.wire.live.stream import TopicStream
from spooled_lite.wire.realtime.sse import OPENED


async def write_topics(stream: TopicStream, receive: Receive, send: Send) -> None:
    """Write frames until the stream ends or its client has left. The head was sent before."""
    loop = asyncio.get_running_loop()
    await _write(send, OPENED)
    stream.note_written(loop.time())
    while body := await stream.next_bytes():
        await _write(send, body)
        stream.note_written(loop.time())
    await _write(send, b"", more_body=False)


async def _write(send: Send, body: bytes, *, more_body: bool = True) -> None:
    message: dict[str, Any] = {
        "type": "http.response.body",
        "body": body,
        "more_body": more_body,
    }
    await send(message)
