"""A reverse proxy that records: an ASGI application that passes everything on to one server."""

import asyncio
import logging
import time
from typing import Final

import httpx
import msgspec
from starlette.types import Message, Receive, Scope, Send

from spooled_lite.recording.bodies import BodyCopy, body_of
from spooled_lite.recording.exchanges import Body, Exchange, KeptRequest, KeptResponse
from spooled_lite.recording.headers import (
    NOT_PASSED_ON,
    OF_THE_CONNECTION,
    kept,
    passed_on,
    path_of,
)
from spooled_lite.recording.server_address import ServerAddress
from spooled_lite.recording.sockets import Socket
from spooled_lite.recording.streams import EventLines, KeptFrames
from spooled_lite.recording.tape import Tape
from spooled_lite.recording.tasks import until_first
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.server.scope import DATED

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
# Between two pieces of an answer: more than a waiting claim, a waiting outcome or the keep-alive
# of a stream takes.
READ_SECONDS: Final = 120.0
WRITE_SECONDS: Final = 30.0
CONNECTIONS_MAX: Final = 1_000
REQUEST_BYTES_MAX: Final = 64 * 1024 * 1024  # more than servers of this API accept

STATUSES: Final = range(200, 600)  # of answers; what clients expect of one

EVENT_STREAM: Final = "text/event-stream"


class Proxy:
    """Passes requests on and records each with its answer, in the order in which answers end."""

    def __init__(self, target: ServerAddress, tape: Tape) -> None:
        self._target = target
        self._tape = tape
        self._began = time.monotonic()
        self._stopping = asyncio.Event()
        self._client = httpx.AsyncClient(
            trust_env=False,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=100),
        )

    def stop(self) -> None:
        """End the streams; they are recorded as far as they came."""
        self._stopping.set()

    async def close(self) -> None:
        await self._client.aclose()

    def now_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await Socket(self._target, self._tape, self.now_ms, self._stopping).run(
                scope, receive, send
            )
            return
        at_ms = self.now_ms()
        try:
            body = await _whole(receive)
        except _TooLarge:
            await _refuse(send, 413, f"the recorder passes on {REQUEST_BYTES_MAX} bytes at most")
            return
        if body is None:
            return  # the client left before its request was whole
        passing = _Passing(self, scope, body, at_ms, send)
        await until_first(passing.run(), _left(receive), self._ended_streams(passing))

    async def _ended_streams(self, passing: "_Passing") -> None:
        """Ends when the recorder stops and the answer is a stream, which has no end."""
        await self._stopping.wait()
        await passing.is_stream.wait()


class _Passing:
    """One request and its answer on their way."""

    def __init__(self, proxy: Proxy, scope: Scope, body: bytes, at_ms: int, send: Send) -> None:
        self.is_stream = asyncio.Event()
        self._proxy = proxy
        self._body = body
        self._at_ms = at_ms
        self._send = send
        self._method: str = scope["method"]
        self._headers: list[Header] = scope["headers"]
        self._path = path_of(scope)
        self._is_begun = False

    async def run(self) -> None:
        try:
            await self._pass_on()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            target = self._proxy._target.url
            logger.warning("%s %s: %s", self._method, target, error or type(error).__name__)
            if not self._is_begun:
                await _refuse(self._send, 502, f"{target} does not answer: {_cause(error)}")
            # Else the missing end tells the client that the answer is incomplete.

    async def _pass_on(self) -> None:
        answer = await self._proxy._client.send(self._request(), stream=True)
        try:
            if answer.status_code not in STATUSES:
                raise httpx.RemoteProtocolError(f"it answers with status {answer.status_code}")
            headers = kept(answer.headers.raw)
            if headers.get("content-type", "").startswith(EVENT_STREAM):
                await self._stream(answer, headers)
            else:
                await self._plain(answer, headers)
        finally:
            await answer.aclose()

    def _request(self) -> httpx.Request:
        timeout = httpx.Timeout(
            READ_SECONDS, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=CONNECT_SECONDS
        )
        return httpx.Request(
            self._method,
            self._proxy._target.at(self._path),
            headers=[*passed_on(self._headers, NOT_PASSED_ON), (b"accept-encoding", b"identity")],
            content=self._body or None,
            extensions={"timeout": timeout.as_dict()},
        )

    async def _plain(self, answer: httpx.Response, headers: dict[str, str]) -> None:
        """The last piece is sent once the exchange is written: what a client has seen is there."""
        copied, length = BodyCopy(), answer.headers.get("content-length")
        last = b""
        await self._begin(answer)
        async for data in answer.aiter_raw():
            copied.add(data)
            if str(copied.count) == length:
                last = data
            else:
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._record(answer.status_code, headers, copied.body(headers), None)
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def _stream(self, answer: httpx.Response, headers: dict[str, str]) -> None:
        self.is_stream.set()
        frames = KeptFrames(self._proxy.now_ms)
        events = EventLines(frames)
        try:
            await self._begin(answer)
            await self._send({"type": "http.response.body", "body": b"", "more_body": True})
            async for data in answer.aiter_raw():
                events.add(data)
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:  # also when the client leaves, which is how most streams end
            self._record(answer.status_code, headers, Body(), frames)

    async def _begin(self, answer: httpx.Response) -> None:
        raw = [(name.lower(), value) for name, value in answer.headers.raw]
        message: Message = {
            "type": "http.response.start",
            "status": answer.status_code,
            "headers": passed_on(raw, OF_THE_CONNECTION),
        }
        if "date" in answer.headers:
            message[DATED] = True
        self._is_begun = True
        await self._send(message)

    def _record(
        self, status: int, headers: dict[str, str], body: Body, frames: KeptFrames | None
    ) -> None:
        sent = kept(self._headers)
        request_body = body_of(self._body, sent)
        self._proxy._tape.add(
            Exchange(
                at_ms=self._at_ms,
                request=KeptRequest(
                    method=self._method,
                    path=self._path,
                    headers=sent,
                    **msgspec.structs.asdict(request_body),
                ),
                response=KeptResponse(
                    status=status,
                    headers=headers,
                    frames=None if frames is None else frames.kept,
                    frames_left_out=0 if frames is None else frames.left_out_count,
                    ms=self._proxy.now_ms() - self._at_ms,
                    **msgspec.structs.asdict(body),
                ),
            )
        )


class _TooLarge(Exception):
    pass


async def _whole(receive: Receive) -> bytes | None:
    """The body; None when the client leaves. Raises _TooLarge."""
    data = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        data += message.get("body", b"")
        if len(data) > REQUEST_BYTES_MAX:
            raise _TooLarge
        if not message.get("more_body", False):
            return bytes(data)


async def _left(receive: Receive) -> None:
    """Ends when the client has left. Without this a claim would go on to wait for nobody."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int, why: str) -> None:
    body = msgspec.json.encode({"error": "recorder", "code": "RECORDER", "message": why})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__
