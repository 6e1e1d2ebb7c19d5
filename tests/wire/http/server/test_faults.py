"""A fault of ours, at whatever line of a connection's beginning: nothing of it stays behind."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import websockets
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server import server as server_module
from spooled_lite.wire.http.server.server import HttpServer
from tests.wire.http.raw_http import (
    GET_AND_CLOSE,
    PATIENCE_SECONDS,
    UPGRADE,
    assert_envelope,
    connected,
    refusal,
    reply,
    run,
    serving,
    short_limits,
)

# Where a handshake runs: our server, and the library's frames.
FOLDERS = (
    str(Path(server_module.__file__).parent),
    str(Path(websockets.__file__).parent),
)
# They catch whatever they call, and do nothing else.
UNFAILING = frozenset({"_protocol", "connection_made", "parse"})
LINES_MAX = 2_000  # a handshake of more lines is one that this test does not end for
LIMITS = short_limits(sweep_seconds=30, keep_alive_seconds=30, header_seconds_max=30)

STOPPED = short_limits(keep_alive_seconds=30, header_seconds_max=30)


class Fault(Exception):
    """Raised by this test at a line of ours."""


class Failing:
    """Raises at the nth line that is run between `with` and its end; counts them."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.count = 0
        self.where = ""

    def __enter__(self) -> "Failing":
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        code = frame.f_code
        is_ours = code.co_filename.startswith(FOLDERS) and code.co_name not in UNFAILING
        return self._line if is_ours else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        if event == "line":
            self.count += 1
            if self.count == self._at:
                self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                raise Fault(self.where)
        return self._line


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await reply(send, scope["path"].encode())
        return
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    await receive()


def upgrade_to(path: bytes) -> bytes:
    return UPGRADE.replace(b"/ws", path) + b"\r\n"


async def no_connections(server: HttpServer) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while server.connection_count:  # noqa: ASYNC110  # it announces itself to nobody
            await asyncio.sleep(0)


async def shake_hands(server: HttpServer, path: bytes, fault: Failing) -> None:
    """One handshake, from the connection to its end, with the fault in it."""
    with fault:
        async with connected(server) as client:
            client.writer.write(upgrade_to(path))
            # An answer, the first frame, or the end of it: whatever the fault leaves of them.
            async with asyncio.timeout(PATIENCE_SECONDS):
                said = await client.reader.read(1)
                while said and not said.endswith((b"hello", b"no")):
                    part = await client.reader.read(1000)
                    said += part
                    if not part:
                        break
    await no_connections(server)


@pytest.fixture
def quiet_loop() -> Iterator[None]:
    """The loop logs each fault: that is what it is for."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("path", [b"/opened", b"/refused"])
@pytest.mark.usefixtures("quiet_loop")
def test_whatever_line_of_a_handshake_fails_nothing_stays_behind(path: bytes) -> None:
    async def main() -> None:
        async with serving(app, limits=LIMITS, grace_seconds=PATIENCE_SECONDS) as server:
            at, fault = 0, Failing(0)
            while fault.where or at == 0:
                at += 1
                assert at < LINES_MAX
                fault = Failing(at)
                await shake_hands(server, path, fault)

            assert at > 100, "the trace has seen no handshake"
            assert (await refusal(server, GET_AND_CLOSE)).body == b"/last"
            began = asyncio.get_running_loop().time()
            await server.stop()
            assert asyncio.get_running_loop().time() - began < PATIENCE_SECONDS / 2

    run(main())


@pytest.mark.usefixtures("quiet_loop")
def test_a_stop_ends_in_order_whatever_line_of_a_handshake_has_failed() -> None:
    async def main() -> None:
        at, fault = 1, Failing(0)
        while fault.where or at == 1:
            at += 9
            fault = Failing(at)
            async with serving(app, limits=STOPPED, grace_seconds=PATIENCE_SECONDS) as server:
                async with connected(server) as client:
                    with fault:
                        await client.send(upgrade_to(b"/opened"))
                        await client.reader.read(1)
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await server.stop()
                assert server.connection_count == 0, fault.where

    run(main())


STRANGE = {
    "version": upgrade_to(b"/ws").replace(b"Version: 13", b"Version: 13\xff"),
    "connection": upgrade_to(b"/ws").replace(b"Connection: Upgrade", b"Connection: Upgrade, \xff"),
    "upgrade": upgrade_to(b"/ws").replace(b"Upgrade: websocket", b"Upgrade: websocket\xff"),
    "key": upgrade_to(b"/ws").replace(b"Key: dG", b"Key: \xffG"),
    "protocol": UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n\r\n",
    "extensions": UPGRADE + b"Sec-WebSocket-Extensions: \xff; =\r\n\r\n",
    "origin": UPGRADE + b"Origin: \xff\r\nOrigin: b\r\n\r\n",
}


@pytest.mark.parametrize("raw", STRANGE.values(), ids=STRANGE.keys())
def test_bytes_beyond_ascii_in_a_handshake_leave_no_connection_and_no_traceback(
    raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serving(app, limits=LIMITS, grace_seconds=PATIENCE_SECONDS) as server:
            async with connected(server) as client:
                await client.send(raw)
                head = await client.read_until(b"\r\n\r\n")
            await no_connections(server)

            assert head.split()[1] in (b"101", b"400", b"200")
            await server.stop()

    with caplog.at_level(logging.INFO):
        run(main())
    assert [each for each in caplog.records if each.name != "asyncio"] == []


def test_a_handshake_that_is_not_valid_gets_the_envelope() -> None:
    async def main() -> None:
        async with serving(app) as server:
            assert_envelope(await refusal(server, STRANGE["version"]), 400, "BAD_REQUEST")
            assert_envelope(await refusal(server, STRANGE["key"]), 400, "BAD_REQUEST")

    run(main())
