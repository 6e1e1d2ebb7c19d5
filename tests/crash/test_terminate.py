"""A server asked to stop under load finishes what it has in hand; asked twice, it hurries."""

import asyncio
import random
import signal
import time
from pathlib import Path

import pytest

from tests.crash.audit import audit
from tests.crash.connection import Connection, NoAnswer
from tests.crash.ledger import Ledger
from tests.crash.load import all_clients, let_loose
from tests.server_process import API_KEY, ServerProcess

ROUND_COUNT = 5
GRACE_SECONDS = 10
PROMPT_SECONDS_MAX = 5.0  # of a server with nothing to wait for; it takes a tenth of that
pytestmark = pytest.mark.slow


def test_a_stop_under_load_loses_nothing_and_ends_with_0_within_the_grace_time(
    tmp_path: Path,
) -> None:
    asyncio.run(stopped_under_load(tmp_path, seed="stop"))


async def stopped_under_load(folder: Path, seed: str) -> None:
    moments = random.Random(seed)
    ledger = Ledger()
    clients = all_clients(ledger, seed)
    with ServerProcess(folder, shutdown_grace_seconds=str(GRACE_SECONDS)) as server:

        async def stop() -> None:
            await asyncio.sleep(moments.uniform(0.05, 0.5))
            server.terminate()

        for number in range(ROUND_COUNT):
            server.start()
            await let_loose(clients, server.url, stop)
            began = time.monotonic()
            code = await asyncio.to_thread(server.wait)

            assert code == 0, f"seed {seed!r}, round {number}: {server.log}"
            assert time.monotonic() - began < GRACE_SECONDS, f"seed {seed!r}, round {number}"
            assert audit(server.database, ledger) == [], f"seed {seed!r}, round {number}"
    assert ledger.counts()["completed"] > ROUND_COUNT


def test_a_waiting_claim_does_not_hold_up_a_stop_and_gets_its_answer(tmp_path: Path) -> None:
    async def main() -> None:
        with ServerProcess(tmp_path, shutdown_grace_seconds="60") as server:
            server.start()
            connection = await Connection.open(server.url)
            body = {"queue_name": "mail", "worker_id": "w", "wait_ms": 30_000}
            waiting = asyncio.create_task(connection.request("POST", "/jobs/claim", body))
            await served_since(server)

            began = time.monotonic()
            server.terminate()
            answer = await waiting
            connection.close()
            code = await asyncio.to_thread(server.wait)

            assert (answer.status, answer.body, code) == (200, {"jobs": []}, 0)
            assert time.monotonic() - began < PROMPT_SECONDS_MAX

    asyncio.run(main())


def test_a_second_signal_does_not_wait_for_a_request_in_flight(tmp_path: Path) -> None:
    async def main() -> None:
        with ServerProcess(tmp_path, shutdown_grace_seconds="60") as server:
            server.start()
            reader, writer = await half_a_request(server.url)
            server.terminate()
            await gone(server.url)

            began = time.monotonic()
            assert server.process.poll() is None, "the first signal waits for the request"
            server.process.send_signal(signal.SIGINT)
            code = await asyncio.to_thread(server.wait)

            assert code == 0, server.log
            assert time.monotonic() - began < PROMPT_SECONDS_MAX
            assert await reader.read() == b""
            writer.close()

    asyncio.run(main())


async def served_since(server: ServerProcess) -> None:
    """The server has read all that was sent to it before this."""
    connection = await Connection.open(server.url)
    assert (await connection.request("GET", "/queues")).status == 200
    connection.close()


async def half_a_request(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose request never becomes whole, and which the server has seen."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"Host: t\r\nAuthorization: Bearer {API_KEY}\r\nExpect: 100-continue\r\n"
    writer.write(f"POST /api/v1/jobs HTTP/1.1\r\n{head}Content-Length: 9\r\n\r\n".encode())
    async with asyncio.timeout(PROMPT_SECONDS_MAX):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    return reader, writer


async def gone(url: str) -> None:
    """Returns when the listener is closed."""
    async with asyncio.timeout(PROMPT_SECONDS_MAX):
        while True:
            try:
                connection = await Connection.open(url)
            except NoAnswer:
                return
            connection.close()
