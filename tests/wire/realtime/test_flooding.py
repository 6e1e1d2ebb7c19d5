"""A WebSocket that says too much too fast is ended, and nobody else waits for what it says."""

import asyncio
import contextlib
import socket as sockets
import time
from pathlib import Path

import pytest
from msgspec import structs

from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.upgrade import FRAME_BYTES
from tests.bystander import Bystander
from tests.server_process import API_KEY, ServerProcess
from tests.wire.realtime.stage import Stage, on_stage
from tests.wire.realtime.test_websocket_peers import masked, upgraded

pytestmark = pytest.mark.alone

FLOODS = {
    "unknown commands": masked(1, b'{"cmd":"x"}'),
    "bytes": masked(2),
    "pings": masked(9),
    "subscriptions": masked(1, b'{"cmd":"subscribe","queue":"a"}')
    + masked(1, b'{"cmd":"unsubscribe","queue":"a"}'),
    "refused subscriptions": masked(1, b'{"type":"subscribe","request_id":"r","queue":"a b"}'),
}
UPGRADE = (
    f"GET /api/v1/ws?token={API_KEY} HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SECONDS = 2.0
FEW = HttpLimits(
    sweep_seconds=0.05,
    linger_seconds_max=0.2,
    websocket_frames_in_a_row=50,
    websocket_frames_per_second=0,
)


@pytest.mark.slow
@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_costs_nobody_else(what: str, tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()

        # A machine that has other things to do may be slow at one time, and not three times.
        assert any(waited_ms(server, FLOODS[what]) < 200 for _ in range(3))
        assert "Traceback" not in server.log


def waited_ms(server: ServerProcess, frames: bytes) -> float:
    """How long somebody else waited meanwhile."""
    host, port = server.url.removeprefix("http://").split(":")
    with (
        Bystander(server.url, API_KEY) as bystander,
        sockets.create_connection((host, int(port))) as connection,
    ):
        connection.sendall(UPGRADE.encode())
        assert b" 101 " in connection.recv(4096)
        flood(connection, frames)
    return bystander.waits.longest_ms


def flood(connection: sockets.socket, frames: bytes) -> None:
    """Send as much as the server takes, and read what it says."""
    piece = frames * (65_536 // len(frames))
    until = time.monotonic() + SECONDS
    connection.setblocking(False)
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                connection.send(piece)
            with contextlib.suppress(BlockingIOError):
                connection.recv(1 << 20)


@pytest.mark.parametrize(
    "frame", [masked(1, b'{"cmd":"x"}'), masked(1, b"x"), masked(2), masked(9), masked(10)]
)
def test_who_says_too_much_is_closed_with_1008(frame: bytes) -> None:
    async def test(stage: Stage) -> None:
        flooding, other = await upgraded(stage), await stage.socket()

        await flooding.send(frame * 51)

        assert b"\x03\xf0too many messages" in await flooding.read_to_end()  # 1008
        await other.heard()
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)

    on_stage(test, limits=FEW)


def test_who_says_as_much_as_it_may_is_heard() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()
        for _ in range(49):
            await socket.say("x")

        await socket.heard()

    on_stage(test, limits=FEW)


def test_long_messages_count_more() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()

        await socket.say("x" * 50 * FRAME_BYTES)

        assert await socket.closed() == 1008

    on_stage(test, limits=FEW)


def test_who_has_said_much_may_say_more_after_a_while() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()
        for _ in range(100):
            await socket.heard()
            await asyncio.sleep(0.001)

    on_stage(test, limits=structs.replace(FEW, websocket_frames_per_second=10_000))
