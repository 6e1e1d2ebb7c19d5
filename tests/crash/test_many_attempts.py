"""A server killed at random moments: no claim is lost whose lease id is shown again, and of many
jobs that are settled in one call each is done or untouched."""

import asyncio
import contextlib
import random
import sqlite3
import uuid
from pathlib import Path
from typing import Any, Final

import pytest

from tests.crash.connection import Connection, NoAnswer
from tests.server_process import ServerProcess

ROUNDS: Final = 2
ROUNDS_LONG: Final = 150
WORKERS: Final = 6
LOAD_SECONDS_MAX: Final = 0.4
QUEUE: Final = "mails"


class Worker:
    """Claims and settles, and makes a call again that was not answered."""

    def __init__(self, number: int, moments: random.Random) -> None:
        self._name = f"w-{number}"
        self._moments = moments
        self._lease_id = str(uuid.UUID(int=moments.getrandbits(128), version=4))
        self._jobs: list[str] | None = None  # None: the claim has no answer yet
        self._is_settling = False  # an answer is still to come: who knows what it holds
        self.settled = 0

    async def run(self, url: str, *, until_empty: bool = False) -> None:
        """Work until the connection breaks, or until there is nothing more."""
        with contextlib.suppress(NoAnswer), contextlib.closing(await Connection.open(url)) as it:
            while await self._claimed(it) or not until_empty:
                if self._jobs:
                    await self._settle(it)
                elif not until_empty:
                    await self._enqueue(it)

    async def _claimed(self, connection: Connection) -> bool:
        """Whether it holds something now."""
        if not self._jobs or (not self._is_settling and self._moments.random() < 0.3):
            body = {"queue_name": QUEUE, "worker_id": self._name, "lease_id": self._lease_id}
            more = {"limit": 5, "lease_duration_secs": 3_600}
            answer = await connection.request("POST", "/jobs/claim", {**body, **more})
            assert answer.status == 200, answer
            jobs = [job["id"] for job in answer.body["jobs"]]
            assert not self._jobs or sorted(jobs) == sorted(self._jobs), (
                "another answer than before"
            )
            self._jobs = jobs
        return bool(self._jobs)

    async def _settle(self, connection: Connection) -> None:
        said = [{"id": job_id, "lease_id": self._lease_id} for job_id in self._jobs or ()]
        self._is_settling = True
        answer = await connection.request("POST", "/jobs/settle", {"jobs": said})
        self._is_settling = False
        assert answer.status == 200, answer
        for result in answer.body["results"]:
            came_through = {"status": "completed", "by_this_lease": True}
            assert result["success"] or result["error"]["details"] == came_through, result
        self.settled += len(said)
        self._lease_id = str(uuid.UUID(int=self._moments.getrandbits(128), version=4))
        self._jobs = None

    async def _enqueue(self, connection: Connection) -> None:
        jobs = [{"payload": number} for number in range(self._moments.randint(1, 12))]
        await connection.request("POST", "/jobs/bulk", {"queue_name": QUEUE, "jobs": jobs})


@pytest.mark.slow
def test_no_attempt_is_lost_in_some_kills(tmp_path: Path) -> None:
    asyncio.run(rounds(tmp_path, ROUNDS, seed="short"))


@pytest.mark.long
def test_no_attempt_is_lost_in_many_kills(tmp_path: Path) -> None:
    asyncio.run(rounds(tmp_path, ROUNDS_LONG, seed="long"))


async def rounds(folder: Path, count: int, seed: str) -> None:
    moments = random.Random(seed)
    workers = [Worker(number, moments) for number in range(WORKERS)]
    with ServerProcess(folder) as server:
        server.start()
        for _ in range(count):
            running = [asyncio.create_task(worker.run(server.url)) for worker in workers]
            await asyncio.sleep(moments.uniform(0.05, LOAD_SECONDS_MAX))
            server.kill()
            await asyncio.gather(*running)
            server.start()
        # What a worker holds is its own: each has to go on until there is nothing for it.
        await asyncio.gather(*(worker.run(server.url, until_empty=True) for worker in workers))
        assert server.stop() == 0, server.log
    jobs = stored(server.database)
    assert {(job["status"], job["claims"], job["retry_count"]) for job in jobs} == {
        ("completed", 1, 0)
    }
    assert sum(worker.settled for worker in workers) == len(jobs)


def stored(database: str) -> list[Any]:
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("SELECT status, claims, retry_count FROM jobs").fetchall()
    finally:
        connection.close()
