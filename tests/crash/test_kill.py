"""A server killed at random moments under load loses nothing it acknowledged."""

import asyncio
import random
import statistics
from pathlib import Path
from typing import Final

import pytest

from tests.crash.audit import audit
from tests.crash.connection import Connection
from tests.crash.ledger import Ledger
from tests.crash.load import KEY_COUNT, QUEUES, Client, all_clients, let_loose
from tests.server_process import ServerProcess

ROUNDS_OF_A_SERIES: Final = 25  # on one file
SERIES_COUNT: Final = 40  # a thousand rounds
LOAD_SECONDS_MAX: Final = 0.8
READY_SECONDS_MAX: Final = 3.0  # as a rule; it takes half a second
REPEATED_KEYS: Final = 10


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_done_twice_in_25_kills(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, seed="short"))


@pytest.mark.long
@pytest.mark.parametrize("series", range(SERIES_COUNT))
def test_nothing_acknowledged_is_lost_or_done_twice_in_a_thousand_kills(
    tmp_path: Path, series: int
) -> None:
    asyncio.run(a_series(tmp_path, seed=f"long-{series}"))


async def a_series(folder: Path, seed: str) -> None:
    """Kill the server again and again, always on the same file."""
    moments = random.Random(seed)
    ledger = Ledger()
    clients = all_clients(ledger, seed)
    with ServerProcess(folder) as server:
        server.start()
        await without_long_backoff(server)
        seconds: list[float] = []
        for number in range(ROUNDS_OF_A_SERIES):
            seconds.append(await killed_and_restarted(server, clients, moments))

            complaints = audit(server.database, ledger)
            assert complaints == [], f"seed {seed!r}, round {number}: {server.log}"
            await repeated_keys_name_the_same_jobs(server, ledger, moments)
        assert server.stop() == 0, server.log
    assert audit(server.database, ledger) == [], f"seed {seed!r}, after the stop"
    assert statistics.median(seconds) < READY_SECONDS_MAX, f"seed {seed!r}: {seconds}"
    assert_put_to_the_test(ledger)


async def killed_and_restarted(
    server: ServerProcess, clients: list[Client], moments: random.Random
) -> float:
    """Seconds until the server was ready again."""

    async def kill() -> None:
        await asyncio.sleep(moments.uniform(0.01, LOAD_SECONDS_MAX))
        server.kill()

    await let_loose(clients, server.url, kill)
    return server.start()


async def without_long_backoff(server: ServerProcess) -> None:
    """In one of the queues a failed job comes back within the same round."""
    connection = await Connection.open(server.url)
    body = {"backoff_base_seconds": 0.02, "backoff_multiplier": 1}
    answer = await connection.request("PUT", f"/queues/{QUEUES[0]}/config", body)
    assert answer.status == 200, answer
    connection.close()


async def repeated_keys_name_the_same_jobs(
    server: ServerProcess, ledger: Ledger, moments: random.Random
) -> None:
    connection = await Connection.open(server.url)
    for key in moments.sample(
        sorted(ledger.ids_of_key), min(REPEATED_KEYS, len(ledger.ids_of_key))
    ):
        body = {"queue_name": "mail", "payload": {"token": "again"}, "idempotency_key": key}
        answer = await connection.request("POST", "/jobs", body)
        expected = (200, ledger.ids_of_key[key], False)
        assert (answer.status, answer.body["id"], answer.body["created"]) == expected
    connection.close()


def assert_put_to_the_test(ledger: Ledger) -> None:
    """A series that asked for little would prove little."""
    counts = ledger.counts()
    assert counts["created"] > 1000, counts
    assert counts["completed"] > 200, counts
    assert counts["failed"] > 100, counts
    assert counts["created, unknown"] > ROUNDS_OF_A_SERIES, counts
    assert counts["completed, asked again"] > 0, counts
    assert len(ledger.ids_of_key) > KEY_COUNT // 2, counts
