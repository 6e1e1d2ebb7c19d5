"""A server killed while jobs are completed with `then`: that is stored with them, or not at all."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.cli.check import problems_of
from tests.crash.connection import NoAnswer
from tests.crash.test_kill_workflows import connected
from tests.server_process import ServerProcess

ROUNDS: Final = 4
ROUNDS_OF_A_SERIES: Final = 100
SERIES_COUNT: Final = 10  # a thousand rounds
JOBS: Final = 60  # in a round
WORKERS: Final = 3
OPERATIONS: Final = 5  # of each job
MOMENT_SECONDS_MAX: Final = 0.3  # about as long as all of them take

_OF_JOBS: Final = "SELECT id, status FROM jobs WHERE queue_name = 'orders'"
_FOLLOWED: Final = "SELECT payload ->> 'of' FROM jobs WHERE queue_name IN ('receipts', 'audit')"


@pytest.mark.slow
def test_what_follows_a_job_survives_a_kill_with_it_or_not_at_all(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, random.Random("then"), ROUNDS))


@pytest.mark.long
@pytest.mark.parametrize("series", range(SERIES_COUNT))
def test_what_follows_a_job_survives_a_thousand_kills_with_it(tmp_path: Path, series: int) -> None:
    asyncio.run(a_series(tmp_path, random.Random(f"then-{series}"), ROUNDS_OF_A_SERIES))


async def a_series(folder: Path, choose: random.Random, rounds: int) -> None:
    acknowledged: set[str] = set()
    cut_short = 0
    with ServerProcess(folder) as server:
        server.start()
        for number in range(rounds):
            held = await claimed_jobs(server.url)
            async with asyncio.TaskGroup() as group:
                for worker in range(WORKERS):
                    some = held[worker::WORKERS]
                    group.create_task(complete_all(server.url, some, acknowledged))
                await asyncio.sleep(choose.uniform(0, MOMENT_SECONDS_MAX) if number else 0)
                server.kill()

            assert problems_of(server.database) == [], f"round {number}"
            completed = assert_whole(server.database, acknowledged)
            cut_short += any(job["id"] not in completed for job in held)
            server.start()
        assert server.stop() == 0, server.log
    assert problems_of(server.database) == []
    assert cut_short, "no kill came between"


async def claimed_jobs(url: str) -> list[dict[str, Any]]:
    async with connected(url) as connection:
        await connection.request("POST", "/queues", {"name": "audit"})
        jobs: list[dict[str, Any]] = [{"payload": {}}] * JOBS
        await connection.request("POST", "/jobs/bulk", {"queue_name": "orders", "jobs": jobs})
        claim = {"queue_name": "orders", "limit": JOBS, "lease_duration_secs": 3600}
        held: list[dict[str, Any]] = (await connection.request("POST", "/jobs/claim", claim)).body[
            "jobs"
        ]
        return held


async def complete_all(url: str, held: Sequence[dict[str, Any]], acknowledged: set[str]) -> None:
    with suppress(NoAnswer):
        async with connected(url) as connection:
            for job in held:
                of = {"of": job["id"]}
                send = {"op": "send", "queue_name": "audit", "body": of}
                create = {"op": "create_job", "queue_name": "receipts", "payload": of}
                then = [create, *[send] * (OPERATIONS - 1)]
                body = {"lease_id": job["lease_id"], "then": then}
                answer = await connection.request("POST", f"/jobs/{job['id']}/complete", body)
                assert answer.status == 200, answer
                acknowledged.add(job["id"])


def assert_whole(database: str, acknowledged: set[str]) -> set[str]:
    """The jobs that are completed: those and no others have all that follows."""
    with closing(sqlite3.connect(database)) as file:
        statuses = dict(file.execute(_OF_JOBS).fetchall())
        followed = Counter(row[0] for row in file.execute(_FOLLOWED))
    completed = {job for job, status in statuses.items() if status == "completed"}
    assert followed == dict.fromkeys(completed, OPERATIONS)
    assert acknowledged <= completed
    return completed
