"""Writes the access log of an HTTP server: an ASGI application around the one that is served."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spooled_lite.call_notes import NOTES
from spooled_lite.config import Settings
from spooled_lite.wire.access_log import AccessLine, AccessLog
from spooled_lite.wire.http.server.connections import EarlyRefusal
from spooled_lite.wire.http.server.scope import CLOSE_CODE, REFUSED
from spooled_lite.wire.http.server.upgrade import FRAMES
from spooled_lite.wire.rates.rate_limit import client_address

SHOWN_BYTES_MAX: Final = 1_000  # of a path, and of a query: they may have 8 KiB
# Parameters of the query whose values are shown. Others may be secrets, addresses of mail or parts
# of payloads, so that only their names are.
SHOWN: Final = frozenset(
    (
        b"after before count cursor direction events frames from hours include is_active job_id"
        b" job_type kind limit offset order_by order_dir page per_page plan_tier queue queue_name"
        b" queues since sort sort_by sort_order state status timeout_ms to wait_ms worker_id"
        b" workflow_id"
    ).split()
)
_HIDDEN: Final = "***"
_NAME: Final = re.compile(rb"[A-Za-z0-9_.\[\]-]{1,40}")
_UNSAFE: Final = re.compile("[^!-~]")  # a space or a quote could be taken for the end of a word


class AccessLogged:
    """Nothing of a request is kept: a line is written when its answer or its stream has ended."""

    def __init__(self, app: ASGIApp, log: AccessLog, settings: Settings) -> None:
        self._app = app
        self._log = log
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        NOTES.set(None)  # those of the request before it on the same connection
        exchange = _Exchange(receive, send)
        began = time.monotonic()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            exchange.status = exchange.status or 500
            raise
        finally:
            self._ended(scope, exchange, time.monotonic() - began)

    def refused(self, request: EarlyRefusal) -> None:
        """Write the line of a request that the server has refused by itself."""
        scope = request.scope or {}
        self._log.write(
            AccessLine(
                protocol="http",
                method=scope.get("method"),
                path=_path_of(scope) if "raw_path" in scope else None,
                status=request.status,
                seconds=None,
                bytes_in=0,
                bytes_out=request.bytes_out,
                peer=request.address or None,
                request_id=request.request_id.decode("ascii", "replace"),
            ),
            None,
        )

    def _ended(self, scope: Scope, exchange: "_Exchange", seconds: float) -> None:
        is_http = scope["type"] == "http"
        self._log.write(
            AccessLine(
                protocol="http" if is_http else "websocket",
                method=scope["method"] if is_http else "GET",
                path=_path_of(scope),
                status=exchange.status or scope.get(REFUSED),
                seconds=seconds,
                bytes_in=exchange.bytes_in,
                bytes_out=exchange.bytes_out,
                peer=self._peer(scope),
                close_code=_close_code(scope) if exchange.status == 101 else None,
            ),
            NOTES.get(),
        )

    def _peer(self, scope: Scope) -> str | None:
        client = scope.get("client")
        peer = None if client is None else str(client[0])
        if not self._settings.trust_proxy:
            return peer
        return client_address(_Asked(self._settings, peer, dict(scope["headers"])))


class _Asked:
    """What `client_address` looks at."""

    def __init__(
        self, settings: Settings, peer: str | None, headers: Mapping[bytes, bytes]
    ) -> None:
        self.settings = settings
        self.peer = peer
        self.headers = headers


class _Exchange:
    """Counts what goes through. Of a WebSocket the messages count, and not their frames."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.status: int | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        match message["type"]:
            case "http.request":
                self.bytes_in += len(message.get("body", b""))
            case "websocket.receive":
                self.bytes_in += _size(message)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        match message["type"]:
            case "http.response.body" | "websocket.http.response.body":
                self.bytes_out += len(message.get("body", b""))
            case "http.response.start" | "websocket.http.response.start":
                self.status = message["status"]
            case "websocket.send":
                self.bytes_out += _size(message)
            case "websocket.accept":
                self.status = 101
            case "websocket.close" if self.status is None:
                self.status = 403
        return self._send(message)


def _close_code(scope: Scope) -> int | None:
    code: Callable[[], int] | None = scope["extensions"].get(CLOSE_CODE)
    return None if code is None else int(code())


def _size(message: Message) -> int:
    data: bytes | None = message.get(FRAMES) or message.get("bytes")
    return len(message.get("text") or "") if data is None else len(data)


def _path_of(scope: Mapping[str, Any]) -> str:
    return shown_path(scope["raw_path"], scope.get("query_string", b""))


def shown_path(raw_path: bytes, query: bytes) -> str:
    """Path and query as they came, of bounded length, escaped, and with unknown values hidden."""
    path = _escaped(raw_path[:SHOWN_BYTES_MAX])
    if not query:
        return path
    return f"{path}?{'&'.join(map(_shown_pair, query[:SHOWN_BYTES_MAX].split(b'&')))}"


def _shown_pair(pair: bytes) -> str:
    name, equals, value = pair.partition(b"=")
    if not equals or not _NAME.fullmatch(name):
        return _HIDDEN
    return f"{name.decode()}={_escaped(value) if name in SHOWN else _HIDDEN}"


def _escaped(raw: bytes) -> str:
    text = raw.decode("ascii", "backslashreplace")
    return _UNSAFE.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
