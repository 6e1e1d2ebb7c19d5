"""WebSockets of peers that break the rules, or leave: nobody else notices."""

import asyncio
import logging
import random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from spooled_lite.wire.http.server.frames import Frames
from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.scope import HOLD
from spooled_lite.wire.http.server.upgrade import PIECE_BYTES, WebSocketProtocol
from spooled_lite.wire.realtime import websocket
from spooled_lite.wire.realtime.commands import obey
from spooled_lite.wire.refused import LINES_PER_ADDRESS_MAX
from tests.wire.http.raw_http import PATIENCE_SECONDS, Client
from tests.wire.realtime.stage import Stage, on_stage
from tests.wire.realtime.test_limits import connect_deaf
from tests.wire.realtime.test_websocket import created


def upgrade_head(stage: Stage) -> str:
    return (
        f"GET /api/v1/ws?token={stage.key} HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )


async def upgraded(stage: Stage) -> Client:
    """A WebSocket whose client says any bytes."""
    client = await stage.connect()
    await client.send(upgrade_head(stage).encode())
    assert (await client.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return client


def masked(opcode: int, data: bytes = b"", *, is_last: bool = True) -> bytes:
    """A short frame; a mask of zeros changes nothing."""
    assert len(data) < 126
    return bytes([opcode | (0x80 if is_last else 0), 0x80 | len(data), 0, 0, 0, 0]) + data


def test_a_websocket_has_a_line_of_log_when_it_opens_and_one_when_it_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()
        await socket.connection.close(1000)
        await stage.until(lambda: stage.server.connection_count == 0)

    with caplog.at_level(logging.DEBUG, logger="spooled_lite.wire.http"):
        on_stage(test)
    lines = [each.getMessage() for each in caplog.records if "WebSocket" in each.getMessage()]
    assert lines == [
        "WebSocket /api/v1/ws of 127.0.0.1: open",
        "WebSocket /api/v1/ws of 127.0.0.1: closed, 1000",
    ]
    assert "token" not in caplog.text


def test_a_refused_credential_is_logged_with_peer_and_route_a_few_times(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(stage: Stage) -> None:
        for n in range(40):
            answer = await stage.call(
                "GET", f"/api/v1/jobs/{n}", headers={"Authorization": "Bearer sk_test_wrong"}
            )
            assert answer.status == 401
        assert (await stage.refused("ws?token=sk_test_wrong", {})).status == 401

    with caplog.at_level(logging.INFO):
        on_stage(test)
    assert (
        caplog.messages
        == ["refused a credential from 127.0.0.1 at GET /api/v1/jobs/{id}: UNAUTHORIZED"]
        * LINES_PER_ADDRESS_MAX
    )


def test_a_message_that_is_too_long_closes_its_own_connection_only() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()
        other = await stage.socket()

        await socket.say('{"cmd": "' + "x" * (64 * 1024) + '"}')

        assert await socket.closed() == 1009
        await other.heard()
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)

    on_stage(test)


def test_the_longest_message_is_taken() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()

        message = '{"cmd": "Ping", "x": "'
        await socket.say(message + "x" * (64 * 1024 - len(message) - 2) + '"}')

        assert (await socket.next())["type"] == "Ping"

    on_stage(test)


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x05hello",  # not masked
        b"\xf1\x80\0\0\0\0",  # reserved bits
        b"\x83\x80\0\0\0\0",  # no such kind of frame
        b"\x89\xfe\x00\x7e" + b"\0" * 130,  # a ping over its size
        b"\x81\x82\0\0\0\0\xff\xff",  # no UTF-8
        b"\x80\x80\0\0\0\0",  # goes on with nothing
        b"\x81\xff\x80\0\0\0\0\0\0\0",  # a length of 2^63
    ],
)
def test_a_peer_that_breaks_the_protocol_is_closed_and_nobody_else(frame: bytes) -> None:
    async def test(stage: Stage) -> None:
        other = await stage.socket()
        client = await upgraded(stage)

        await client.send(frame)

        said = await client.read_to_end()
        assert b"\x88" in said  # a close frame
        await other.heard()
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)

    on_stage(test)


def test_what_is_no_text_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def test(stage: Stage) -> None:
        client = await upgraded(stage)

        await client.send(masked(1, b"\xff\xff"))

        assert (await client.read_to_end()).endswith(b"\x88\x02\x03\xef")  # close, 1007

    with caplog.at_level(logging.WARNING):
        on_stage(test)
    assert caplog.records == []


def test_a_message_of_endless_empty_parts_is_too_long() -> None:
    async def test(stage: Stage) -> None:
        client = await upgraded(stage)

        await client.send(masked(1, b"x", is_last=False))
        await client.send(masked(0, is_last=False) * 2_000)

        assert b"\x03\xf1too many fragments" in await client.read_to_end()  # 1009

    on_stage(test)


def test_a_flood_of_small_frames_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    read = Frames.receive_data

    def note(self: Frames, data: bytes) -> None:
        sizes.append(len(data))
        read(self, data)

    async def test(stage: Stage) -> None:
        client = await upgraded(stage)
        command = masked(1, b'{"type":"ping"}')
        flood = masked(10) * 5_000 + command + masked(10) * 5_000 + command

        await client.send(flood)
        for _ in range(2):
            await client.read_until(b'"type":"ping"')

        assert sum(sizes) == len(flood)
        assert max(sizes) <= PIECE_BYTES

    monkeypatch.setattr(Frames, "receive_data", note)
    on_stage(test, limits=HttpLimits(websocket_frames_in_a_row=20_000))


def test_pings_of_a_peer_that_reads_nothing_do_not_pile_up() -> None:
    async def test(stage: Stage) -> None:
        connection = await connect_deaf(stage, upgrade_head(stage))
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)
        loop = asyncio.get_running_loop()
        ping_count = 40_000
        pings = [masked(9, b"%0100d" % number) for number in range(ping_count)]
        await loop.sock_sendall(connection, b"".join(pings))
        # Obeyed in its order: all pings have been read then.
        await loop.sock_sendall(connection, masked(1, b'{"cmd":"subscribe","queue":"a"}'))
        await stage.until(lambda: _only_stream(stage).subscriptions is not None)

        waiting = _only_protocol(stage).transport.get_write_buffer_size()
        said = b""
        async with asyncio.timeout(PATIENCE_SECONDS * 2):
            while not said.endswith(pings[-1][6:]):
                said += await loop.sock_recv(connection, 65536)

        assert waiting < 200_000  # of 4 million bytes
        connection.close()

    on_stage(test, limits=HttpLimits(websocket_frames_in_a_row=50_000, sweep_seconds=0.05))


def _only_stream(stage: Stage) -> Any:
    [stream] = stage.feed.streams
    return stream


def _only_protocol(stage: Stage) -> WebSocketProtocol:
    connections = stage.server._connections
    assert connections is not None
    [found] = [each for each in connections.open.values() if isinstance(each, WebSocketProtocol)]
    return found


def test_a_failure_of_ours_closes_with_1011_and_touches_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(streams: Any, stream: Any, text: str, *, now_ms: int) -> Any:
        if "fail" in text:
            raise ArithmeticError("a bug")
        return obey(streams, stream, text, now_ms=now_ms)

    async def test(stage: Stage) -> None:
        monkeypatch.setattr(websocket, "obey", fail)
        socket = await stage.socket()
        other = await stage.socket()

        await socket.say("fail")

        assert await socket.closed() == 1011
        await other.heard()
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)

    on_stage(test)


def test_whatever_bytes_a_peer_sends_nobody_else_notices() -> None:
    async def test(stage: Stage) -> None:
        other = await stage.socket("events=job.created")
        stream = await stage.stream("events?events=job.created")
        chance = random.Random(7)
        upgrade = upgrade_head(stage).encode()

        for n in range(60):
            client = await stage.connect()
            noise = chance.randbytes(chance.randint(1, 400))
            if n % 3 == 0:  # the request itself is damaged
                at = chance.randint(0, len(upgrade) - 10)
                await client.send(upgrade[:at] + noise[:9] + upgrade[at + 9 :])
            else:
                await client.send(upgrade)
                await client.read_until(b"\r\n\r\n")
                await client.send((b"\x81" if n % 3 == 1 else b"") + noise)
            await client.close()
        await stage.enqueue()

        assert await created(other) == "emails"
        assert (await stream.next()).event == "job.created"
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)

    on_stage(test)


def test_a_client_that_closes_is_answered_and_forgotten() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket()

        await socket.connection.close(1000)

        assert socket.connection.close_code == 1000
        await stage.until(lambda: stage.feed.streams.count("websocket") == 0)
        with pytest.raises(ConnectionClosed):
            await socket.say("x")

    on_stage(test)


def test_a_websocket_that_is_held_says_nothing_and_answers_no_ping_until_it_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[WebSocketProtocol] = []
    begin = WebSocketProtocol.begin

    def noted(protocol: WebSocketProtocol, early: bytes) -> None:
        opened.append(protocol)
        begin(protocol, early)

    monkeypatch.setattr(WebSocketProtocol, "begin", noted)

    async def test(stage: Stage) -> None:
        client = await upgraded(stage)
        await client.read_until(b'"Ping"')
        [protocol] = opened
        hold = protocol.scope["extensions"][HOLD]
        hold(True)
        await client.send(masked(9, b"are you there"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.read_until(b"\x89\x04ping")
        hold(False)
        await client.read_until(b"are you there")
        await client.read_until(b"\x89\x04ping")

    on_stage(test, limits=HttpLimits(websocket_ping_seconds=0.1, sweep_seconds=0.02))
