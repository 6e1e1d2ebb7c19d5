"""A real server around a tiny application, and a client that says exactly what it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import uvloop
from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.server import HttpServer

PATIENCE_SECONDS = 10.0  # a test that waits longer has failed

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
GET_AND_CLOSE = b"GET /last HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def short_limits(**overrides: Any) -> HttpLimits:
    """Limits in tenths of a second; the sweep looks often enough to notice."""
    values: dict[str, Any] = {
        "header_seconds_max": 0.3,
        "body_seconds_max": 0.3,
        "keep_alive_seconds": 0.3,
        "linger_seconds_max": 0.2,
        "sweep_seconds": 0.02,
    }
    return HttpLimits(**(values | overrides))


class Answer(Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        return cls(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS * 6):
            await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(bounded())


@asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    limits: HttpLimits | None = None,
    grace_seconds: float = 0.5,
    on_stopping: Callable[[], None] = lambda: None,
) -> AsyncIterator[HttpServer]:
    server = HttpServer(
        app,
        host="127.0.0.1",
        port=0,
        limits=limits or short_limits(),
        grace_seconds=grace_seconds,
        on_stopping=on_stopping,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop(at_once=True)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.writer.drain()

    async def read_to_end(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.read()

    async def read_until(self, end: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.readuntil(end)

    async def read_answer(self) -> Answer:
        """One answer with a content length; the connection may stay open."""
        head = await self.read_until(b"\r\n\r\n")
        length = int(Answer.parse(head).headers.get("content-length", "0"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            return Answer.parse(head + await self.reader.readexactly(length))

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):  # the server was first
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(server: HttpServer) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    client = Client(reader, writer)
    try:
        yield client
    finally:
        await client.close()


async def exchange(server: HttpServer, raw: bytes) -> bytes:
    """Everything the server says to these bytes until it closes."""
    async with connected(server) as client:
        await client.send(raw)
        return await client.read_to_end()


async def refusal(server: HttpServer, raw: bytes) -> Answer:
    return Answer.parse(await exchange(server, raw))


def assert_envelope(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["message"]
    assert isinstance(answer.json["error"], str)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["connection"] == "close"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["x-request-id"]


async def reply(send: Send, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client left before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message["body"]
        body += part
        if not message["more_body"]:
            return body


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the body, or the path when there is none; takes no WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    body = await read_body(receive)
    if body is not None:
        await reply(send, body or scope["path"].encode())


class Waiting:
    """An application that answers when it is allowed to, and tells what it saw."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.entered = asyncio.Event()  # the body is read
        self.allowed = asyncio.Event()
        self.left = asyncio.Event()
        self.calls: list[str] = []
        self.scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.calls.append(scope["path"])
        self.called.set()
        if await read_body(receive) is None:
            self.left.set()
            return
        self.entered.set()
        gone = asyncio.ensure_future(receive())
        allowed = asyncio.ensure_future(self.allowed.wait())
        await asyncio.wait({gone, allowed}, return_when=asyncio.FIRST_COMPLETED)
        if allowed.done():
            gone.cancel()
            await reply(send, scope["path"].encode())
        else:
            allowed.cancel()
            self.left.set()


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await event.wait()
