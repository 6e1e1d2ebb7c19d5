"""A connection that is over is gone: nothing of it waits for the collector of cycles, which looks
at what has lived for long only after millions of new objects."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server.cycle import Cycle, Flow
from spooled_lite.wire.http.server.protocol import HttpProtocol
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.http.server.upgrade import WebSocketProtocol
from tests.wire.http.raw_http import GET, PATIENCE_SECONDS, UPGRADE, Client, echo, run, serving

pytestmark = pytest.mark.alone

OF_A_CONNECTION: Final = (HttpProtocol, WebSocketProtocol, Cycle, Flow)
COUNT: Final = 20
# What a client says, and how its answer begins; nothing when there is none.
SAID: Final = {
    "nothing": (b"", b""),
    "a part of a request": (b"GET / HT", b""),
    "a request": (GET, b"HTTP/1.1 200"),
    "several requests": (GET * 3, b"HTTP/1.1 200"),
    "a request whose body does not come": (
        b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n{",
        b"",
    ),
    "what is no HTTP": (b"\x16\x03\x01\r\n\r\n", b"HTTP/1.1 400"),
    "a request without a host": (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400"),
    "a WebSocket": (UPGRADE + b"\r\n", b"HTTP/1.1 101"),
    "a WebSocket that says something": (UPGRADE + b"\r\n\x81\x80key!", b"HTTP/1.1 101"),
    "a WebSocket that is refused": (UPGRADE.replace(b"13", b"12") + b"\r\n", b"HTTP/1.1 400"),
}


@pytest.mark.parametrize("name", SAID)
def test_nothing_of_a_connection_that_is_over_is_left_to_the_collector(name: str) -> None:
    said, begins = SAID[name]

    async def test() -> None:
        async with serving(welcoming) as server:
            await open_and_leave(server, said, begins)  # loads what is loaded late
            gc.collect()
            gc.disable()
            try:
                for _ in range(COUNT):
                    await open_and_leave(server, said, begins)
                assert left() == {}
            finally:
                gc.enable()

    run(test())


async def welcoming(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        await echo(scope, receive, send)
        return
    await send({"type": "websocket.accept"})
    await receive()
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def open_and_leave(server: HttpServer, said: bytes, begins: bytes) -> None:
    client = Client(*await asyncio.open_connection("127.0.0.1", server.port))
    await client.send(said)
    await until(lambda: server.connection_count > 0)
    if begins:
        assert (await client.read_until(b"\r\n\r\n")).startswith(begins)
    await client.close()
    assert server._connections is not None, "it is serving"
    await server._connections.empty()
    await asyncio.sleep(0)  # a task that has ended is forgotten in the turn after


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0)


def left() -> Counter[str]:
    return Counter(
        type(each).__name__ for each in gc.get_objects() if type(each) in OF_A_CONNECTION
    )
