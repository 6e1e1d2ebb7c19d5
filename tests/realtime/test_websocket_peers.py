"""WebSockets of peers that break the rules, or leave: nobody else notices."""

import random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from spooled_lite.wire.realtime import websocket
from spooled_lite.wire.realtime.commands import obey
from tests.realtime.stage import Stage, on_stage
from tests.realtime.test_websocket import created


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
        client = await stage.connect()
        await client.send(
            f"GET /api/v1/ws?token={stage.key} HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert (await client.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")

        await client.send(frame)

        said = await client.read_to_end()
        assert b"\x88" in said  # a close frame
        await other.heard()
        await stage.until(lambda: stage.feed.streams.count("websocket") == 1)

    on_stage(test)


def test_a_failure_of_ours_closes_with_1011_and_touches_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(stream: Any, text: str, *, now_ms: int) -> Any:
        if "fail" in text:
            raise ArithmeticError("a bug")
        return obey(stream, text, now_ms=now_ms)

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
        upgrade = (
            f"GET /api/v1/ws?token={stage.key} HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()

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
