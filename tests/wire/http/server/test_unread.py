"""Answers that their clients do not read: bounded in bytes, and nobody else's trouble."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server.server import HttpServer
from tests.bystander import Bystander
from tests.server_process import API_KEY, ServerProcess
from tests.wire.http.raw_http import (
    GET,
    PATIENCE_SECONDS,
    UPGRADE,
    connected,
    read_body,
    reply,
    run,
    serving,
    short_limits,
    soon,
)

pytestmark = pytest.mark.alone

ANSWER_BYTES: Final = 12_000_000  # more than the system itself keeps for two sockets
ONE: Final = "127.0.0.2"
OTHER: Final = "127.0.0.3"


@asynccontextmanager
async def deaf(
    server: HttpServer, say: bytes, *, address: str = ONE
) -> AsyncIterator[socket.socket]:
    """A client that asks and reads nothing."""
    client = socket.socket()
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.bind((address, 0))
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(client, ("127.0.0.1", server.port))
        await loop.sock_sendall(client, say)
        yield client
    finally:
        client.close()


class Answering:
    """An application that counts its answers, and has `enough` when there are so many."""

    def __init__(self, enough: int) -> None:
        self.count = 0
        self.enough = asyncio.Event()
        self._enough = enough

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        if scope["path"] == "/small":
            await reply(send, b"small")
            return
        self.count += 1
        await reply(send, b"x" * ANSWER_BYTES)
        if self.count == self._enough:
            self.enough.set()


def unread_bytes(server: HttpServer) -> int:
    connections = server._connections
    assert connections is not None
    return sum(each.get_write_buffer_size() for each in connections.open)


def test_the_next_answer_is_not_made_while_the_one_before_is_not_taken() -> None:
    app = Answering(1)

    async def main() -> None:
        async with (
            serving(app, limits=short_limits(send_seconds_max=30)) as server,
            deaf(server, GET * 20) as client,
        ):
            await soon(app.enough)
            async with connected(server) as other:  # has its turn after whatever was to come
                for _ in range(20):
                    await other.send(GET.replace(b"/", b"/small", 1))
                    await other.read_answer()
            made = app.count
            loop = asyncio.get_running_loop()
            taken = 0
            async with asyncio.timeout(PATIENCE_SECONDS * 3):
                while taken < 20 * ANSWER_BYTES:  # whoever reads gets all of them
                    taken += len(await loop.sock_recv(client, 1_000_000))

            assert made == 1
            assert app.count == 20

    run(main())


def test_what_is_not_read_is_bounded_over_all_connections_and_ends_whose_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Answering(12)
    bytes_max = 5 * ANSWER_BYTES

    async def main() -> None:
        limits = short_limits(unread_bytes_max=bytes_max, send_seconds_max=30)
        async with serving(app, limits=limits) as server, AsyncExitStack() as clients:
            first = await clients.enter_async_context(deaf(server, GET, address=OTHER))
            for _ in range(11):
                await clients.enter_async_context(deaf(server, GET))
            await soon(app.enough)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while unread_bytes(server) > bytes_max:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            loop = asyncio.get_running_loop()
            taken = 0
            async with asyncio.timeout(PATIENCE_SECONDS):
                while taken < ANSWER_BYTES:  # not of the address for which most waited
                    part = await loop.sock_recv(first, 1_000_000)
                    assert part
                    taken += len(part)

            assert server.connection_count < 8

    with caplog.at_level(logging.INFO):
        run(main())
    assert len(caplog.records) <= 5
    assert all("did not read their answers" in each for each in caplog.messages)


def test_an_upgrade_behind_an_answer_that_is_not_taken_is_refused() -> None:
    app = Answering(1)

    async def main() -> None:
        async with (
            serving(app, limits=short_limits(send_seconds_max=30)) as server,
            deaf(server, GET + UPGRADE + b"\r\n") as client,
        ):
            await soon(app.enough)
            loop = asyncio.get_running_loop()
            said = b""
            async with asyncio.timeout(PATIENCE_SECONDS):
                while part := await loop.sock_recv(client, 1_000_000):
                    said = (said + part)[-2_000:]

            assert b"HTTP/1.1 400 " in said

    run(main())


def test_a_half_sent_request_does_not_keep_an_answer_that_is_not_taken() -> None:
    app = Answering(1)
    half = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nx"

    async def main() -> None:
        async with (
            serving(app, limits=short_limits(send_seconds_max=0.2)) as server,
            deaf(server, GET + half),
        ):
            await soon(app.enough)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while server.connection_count:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    run(main())


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.slow
def test_a_thousand_that_read_nothing_of_what_they_ask_for_take_no_memory_and_cost_nobody_else(
    tmp_path: Path,
) -> None:
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: t\r\n\r\n" * 20
    clients = []
    with ServerProcess(tmp_path) as server:
        server.start()
        before = resident_bytes(server.process.pid)
        port = int(server.url.rpartition(":")[2])
        with Bystander(server.url, API_KEY) as bystander:
            for n in range(1_000):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.bind((f"127.1.{n // 200}.{n % 200 + 1}", 0))  # each within its rate
                client.connect(("127.0.0.1", port))
                client.sendall(ask)
                clients.append(client)
            deadline = time.monotonic() + 30
            while "did not read their answers" not in server.log and time.monotonic() < deadline:
                time.sleep(0.1)
        grown = resident_bytes(server.process.pid) - before
        log = server.log
        for client in clients:
            client.close()

    assert "did not read their answers" in log
    assert grown < 100 * 2**20
    assert bystander.waits.longest_ms < 1_000  # on a machine that does nothing else: under 200
