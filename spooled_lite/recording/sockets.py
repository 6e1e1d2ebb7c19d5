"""A WebSocket that is passed through a recorder, with its first thousand messages recorded."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from spooled_lite.recording.bodies import body_of
from spooled_lite.recording.exchanges import Body, Exchange, KeptRequest, KeptResponse
from spooled_lite.recording.headers import NOT_PASSED_ON, kept, passed_on, path_of
from spooled_lite.recording.server_address import ServerAddress
from spooled_lite.recording.streams import KeptFrames
from spooled_lite.recording.tape import Tape
from spooled_lite.recording.tasks import until_first
from spooled_lite.wire.header import Header

logger = logging.getLogger(__name__)

OPEN_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 2.0
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
SWITCHING: Final = 101
GOING_AWAY: Final = 1001
UNREACHABLE: Final = 1014  # bad gateway
NOT_SENT: Final = frozenset({1005, 1006, 1015})  # codes that say that there was none

# The client of the library makes these itself.
_OF_THE_HANDSHAKE: Final = NOT_PASSED_ON | {
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
}


class Socket:
    def __init__(
        self, target: ServerAddress, tape: Tape, now_ms: Callable[[], int], stopping: asyncio.Event
    ) -> None:
        self._target = target
        self._tape = tape
        self._now_ms = now_ms
        self._stopping = stopping
        self._at_ms = now_ms()
        self._frames = KeptFrames(now_ms)

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that it wants to connect
        try:
            server = await self._connect(scope)
        except InvalidStatus as refusal:
            await self._refused(scope, refusal, send)
            return
        except (OSError, TimeoutError, WebSocketException) as error:
            logger.warning("a WebSocket to %s: %s", self._target.url, error)
            await send({"type": "websocket.close", "code": UNREACHABLE})
            return
        try:
            await send({"type": "websocket.accept", "subprotocol": server.subprotocol})
            await until_first(
                self._from_client(server, receive),
                self._from_server(server, send),
                self._until_stopped(send),
            )
        finally:
            headers = {} if server.response is None else dict(server.response.headers.raw_items())
            raw = [
                (name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()
            ]
            self._record(scope, SWITCHING, raw, Body(), self._frames)
            await server.close()

    async def _connect(self, scope: Scope) -> ClientConnection:
        protocols = [Subprotocol(each) for each in scope.get("subprotocols", ())]
        headers = passed_on(scope["headers"], _OF_THE_HANDSHAKE)
        return await connect(
            self._target.websocket_url + path_of(scope),
            additional_headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers],
            subprotocols=protocols or None,
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MESSAGE_BYTES_MAX,
        )

    async def _from_client(self, server: ClientConnection, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or GOING_AWAY
                await server.close(GOING_AWAY if code in NOT_SENT else code)
                return
            text, data = message.get("text"), message.get("bytes")
            whole = text if text is not None else data or b""
            self._frames.add("client", whole)
            try:
                await server.send(whole)
            except ConnectionClosed:
                return  # the other direction says why

    async def _from_server(self, server: ClientConnection, send: Send) -> None:
        try:
            async for message in server:
                self._frames.add("server", message)
                kind = "text" if isinstance(message, str) else "bytes"
                await send({"type": "websocket.send", kind: message})
        except ConnectionClosed:
            pass
        code = server.close_code or GOING_AWAY
        await send(
            {
                "type": "websocket.close",
                "code": GOING_AWAY if code in NOT_SENT else code,
                "reason": server.close_reason or "",
            }
        )

    async def _until_stopped(self, send: Send) -> None:
        await self._stopping.wait()
        await send({"type": "websocket.close", "code": GOING_AWAY})

    async def _refused(self, scope: Scope, refusal: InvalidStatus, send: Send) -> None:
        """The server answered over HTTP: so does the recorder."""
        answer = refusal.response
        raw = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers.raw_items()
        ]
        data = bytes(answer.body or b"")
        self._record(scope, answer.status_code, raw, body_of(data, kept(raw)), None)
        headers = [*passed_on(raw, NOT_PASSED_ON), (b"content-length", b"%d" % len(data))]
        await send(
            {
                "type": "websocket.http.response.start",
                "status": answer.status_code,
                "headers": headers,
            }
        )
        await send({"type": "websocket.http.response.body", "body": data})

    def _record(
        self, scope: Scope, status: int, raw: list[Header], body: Body, frames: KeptFrames | None
    ) -> None:
        self._tape.add(
            Exchange(
                at_ms=self._at_ms,
                request=KeptRequest(
                    method="GET", path=path_of(scope), headers=kept(scope["headers"])
                ),
                response=KeptResponse(
                    status=status,
                    headers=kept(raw),
                    frames=None if frames is None else frames.kept,
                    frames_left_out=0 if frames is None else frames.left_out_count,
                    ms=self._now_ms() - self._at_ms,
                    **msgspec.structs.asdict(body),
                ),
            )
        )
