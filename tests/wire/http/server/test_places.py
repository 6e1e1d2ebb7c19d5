"""Who has a place when there are many connections, of one address or of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server.places import address_of
from spooled_lite.wire.http.server.server import HttpServer
from tests.wire.http.raw_http import (
    GET,
    UPGRADE,
    Answer,
    Client,
    assert_envelope,
    connected,
    echo,
    reply,
    run,
    serving,
    short_limits,
    soon,
)

ONE = "127.0.0.2"
OTHER = "127.0.0.3"

LIMITS = short_limits(connection_count_max=24, keep_alive_seconds=30, header_seconds_max=30)
SHARES = short_limits(connections_per_address_max=4, keep_alive_seconds=30, header_seconds_max=30)


@asynccontextmanager
async def connected_from(address: str, server: HttpServer) -> AsyncIterator[Client]:
    """Every address of 127.0.0.0/8 is this machine's."""
    client = Client(
        *await asyncio.open_connection("127.0.0.1", server.port, local_addr=(address, 0))
    )
    try:
        yield client
    finally:
        await client.close()


async def answered(client: Client) -> int:
    await client.send(GET)
    return (await client.read_answer()).status


async def open_many(server: HttpServer, address: str, count: int, *, say: bytes) -> list[Client]:
    clients = []
    for _ in range(count):
        client = Client(
            *await asyncio.open_connection("127.0.0.1", server.port, local_addr=(address, 0))
        )
        await client.send(say)
        clients.append(client)
    return clients


async def close_all(clients: list[Client]) -> None:
    for client in clients:
        await client.close()


@pytest.mark.parametrize("say", [b"", GET], ids=["silent", "answered"])
def test_idle_connections_without_end_keep_nobody_out(say: bytes) -> None:
    async def main() -> None:
        async with serving(echo, limits=LIMITS) as server:
            idle = await open_many(server, ONE, 200, say=say)

            async with connected_from(OTHER, server) as client:
                assert await answered(client) == 200
                assert server.connection_count <= LIMITS.connection_count_max + 1
            await close_all(idle)

    run(main())


def test_the_longest_idle_connection_makes_room() -> None:
    async def main() -> None:
        async with serving(echo, limits=LIMITS) as server:
            clients = await open_many(server, ONE, LIMITS.connection_count_max, say=b"")
            for client in reversed(clients):
                assert await answered(client) == 200  # so the last one opened is idle the longest

            async with connected_from(OTHER, server) as newcomer:
                assert await answered(newcomer) == 200
                assert await clients[-1].read_to_end() == b""
                assert await answered(clients[0]) == 200
            await close_all(clients)

    run(main())


def test_a_busy_connection_does_not_make_room() -> None:
    waiting: list[str] = []
    all_wait, allowed = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        waiting.append(scope["path"])
        if len(waiting) == LIMITS.connection_count_max:
            all_wait.set()
        await allowed.wait()
        await reply(send, b"")

    async def main() -> None:
        async with serving(app, limits=LIMITS) as server:
            busy = await open_many(server, ONE, LIMITS.connection_count_max, say=GET)
            await soon(all_wait)

            async with connected(server) as client:
                await client.send(GET)
                refused = Answer.parse(await client.read_to_end())
            allowed.set()

            assert_envelope(refused, 503, "SERVICE_UNAVAILABLE")
            assert [(await client.read_answer()).status for client in busy] == [200] * len(busy)
            await close_all(busy)

    run(main())


def test_an_address_with_its_share_takes_from_nobody_else() -> None:
    async def main() -> None:
        async with serving(echo, limits=SHARES) as server, connected_from(OTHER, server) as other:
            assert await answered(other) == 200  # idle the longest

            mine = await open_many(server, ONE, 5, say=GET)

            assert (await mine[0].read_answer()).status == 200
            assert await mine[0].read_to_end() == b""  # made room for the fifth
            assert (await mine[4].read_answer()).status == 200
            assert await answered(other) == 200
            await close_all(mine)

    run(main())


def test_an_address_whose_connections_are_all_busy_is_told_and_others_are_served() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await echo(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    async def main() -> None:
        async with serving(app, limits=SHARES) as server:
            mine = await open_many(server, ONE, 4, say=UPGRADE + b"\r\n")
            for client in mine:
                await client.read_until(b"\r\n\r\n")

            async with connected_from(ONE, server) as over:
                await over.send(GET)
                refused = Answer.parse(await over.read_to_end())
            async with connected_from(OTHER, server) as other:
                assert await answered(other) == 200
            await mine[0].close()
            async with connected_from(ONE, server) as again:
                status = await answered(again)

            assert_envelope(refused, 503, "SERVICE_UNAVAILABLE")
            assert status == 200  # the place of a WebSocket is given back
            await close_all(mine)

    run(main())


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:0db8:0001:0002::/64"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002::/64"),
        ("fe80::1%eth0", "fe80:0000:0000:0000::/64"),
    ],
)
def test_a_network_of_64_bits_is_one_address(host: str, address: str) -> None:
    assert address_of((host, 1)) == address
