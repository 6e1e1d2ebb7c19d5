"""A server killed at random moments under its graphs: all of them finish, each step once."""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.cli.check import problems_of
from tests.crash.connection import Connection, NoAnswer
from tests.server_process import ServerProcess

QUEUES: Final = ("extract", "load")
STEPS: Final = 30  # of one graph
GRAPHS_PER_ROUND: Final = 2
WORKER_COUNT: Final = 6
LEASE_SECONDS: Final = 5  # the shortest there is: what a killed round held comes back after it
ROUND_SECONDS_MAX: Final = 0.8
END_SECONDS_MAX: Final = 60.0
ROUNDS: Final = 6
ROUNDS_OF_A_LONG_SERIES: Final = 40

_EDGES: Final = """
SELECT children.id AS child, parents.id AS parent
  FROM job_dependencies AS edges JOIN jobs AS children ON children.seq = edges.job
                                 JOIN jobs AS parents ON parents.seq = edges.parent
"""
_STORY: Final = """
SELECT jobs.id, event_type FROM job_history JOIN jobs ON jobs.seq = job_history.job
 ORDER BY job_history.seq
"""


@pytest.mark.slow
def test_graphs_finish_after_a_few_kills(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, "short", ROUNDS))


@pytest.mark.long
@pytest.mark.parametrize("series", range(10))
def test_graphs_finish_after_many_kills(tmp_path: Path, series: int) -> None:
    asyncio.run(a_series(tmp_path, f"long-{series}", ROUNDS_OF_A_LONG_SERIES))


@pytest.mark.slow
def test_a_step_that_was_told_to_stop_stops_after_a_kill(tmp_path: Path) -> None:
    asyncio.run(told_to_stop(tmp_path))


async def a_series(folder: Path, seed: str, rounds: int) -> None:
    choose = random.Random(seed)
    created: set[str] = set()
    with ServerProcess(folder) as server:
        server.start()
        await without_long_backoff(server.url)
        for number in range(rounds):
            await a_round(server, choose, created)

            server.start()
            assert problems_of(server.database) == [], f"seed {seed!r}, round {number}"
        await to_the_end(server.url, choose)
        assert server.stop() == 0, server.log
    assert problems_of(server.database) == []
    assert_all_done_once(server.database, created)
    assert len(created) >= rounds, "too little was asked for"


async def a_round(server: ServerProcess, choose: random.Random, created: set[str]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(create_graphs(server.url, choose, created))
        for _ in range(WORKER_COUNT):
            group.create_task(work(server.url, random.Random(choose.random())))
        await asyncio.sleep(choose.uniform(0.05, ROUND_SECONDS_MAX))
        server.kill()


async def told_to_stop(folder: Path) -> None:
    jobs = [{"key": key, "queue_name": "extract", "payload": key} for key in ("told", "ends")]
    with ServerProcess(folder) as server:
        server.start()
        async with connected(server.url) as connection:
            made = await connection.request("POST", "/workflows", {"name": "graph", "jobs": jobs})
            body = {"queue_name": "extract", "worker_id": "w", "limit": 2}
            told, ends = (await connection.request("POST", "/jobs/claim", body)).body["jobs"]
            path = f"/workflows/{made.body['id']}"
            answer = await connection.request("POST", f"{path}/cancel", {"stop_running": True})
            assert answer.status == 200, answer

        server.kill()
        server.start()

        async with connected(server.url) as connection:
            await settled(connection, ends, "complete", {"result": 1})
            lease = {"lease_id": told["lease_id"]}
            answer = await connection.request("POST", f"/jobs/{told['id']}/heartbeat", lease)
            assert (answer.status, answer.body["code"]) == (409, "LEASE_EXPIRED")
            assert answer.body["details"]["reason"] == "workflow_canceled"
            jobs = (await connection.request("GET", f"{path}/jobs")).body
            assert {job["key"]: job["status"] for job in jobs} == {
                "told": "cancelled",
                "ends": "completed",
            }
        assert server.stop() == 0, server.log
    assert problems_of(server.database) == []


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """Raises NoAnswer when the server goes: what was asked for is done whole, or not at all."""
    connection = await Connection.open(url)
    try:
        yield connection
    finally:
        connection.close()


async def without_long_backoff(url: str) -> None:
    async with connected(url) as connection:
        for queue in QUEUES:
            body = {"backoff_base_seconds": 0.02, "backoff_multiplier": 1}
            answer = await connection.request("PUT", f"/queues/{queue}/config", body)
            assert answer.status == 200, answer


async def create_graphs(url: str, choose: random.Random, created: set[str]) -> None:
    with suppress(NoAnswer):
        async with connected(url) as connection:
            for _ in range(GRAPHS_PER_ROUND):
                answer = await connection.request("POST", "/workflows", a_graph(choose))
                assert answer.status == 201, answer
                created.add(answer.body["id"])


def a_graph(choose: random.Random) -> dict[str, Any]:
    jobs = []
    for place in range(STEPS):
        parents = choose.sample(range(place), min(place, choose.randrange(4)))
        jobs.append(
            {
                **{"key": f"s{place}", "queue_name": choose.choice(QUEUES), "payload": place},
                **{"depends_on": [f"s{parent}" for parent in parents], "max_retries": 100},
            }
        )
    return {"name": "graph", "jobs": jobs}


async def work(url: str, choose: random.Random) -> None:
    """Until the server is gone. One attempt in ten fails, one in forty for good."""
    with suppress(NoAnswer):
        async with connected(url) as connection:
            while True:
                for job in await claimed(connection, choose):
                    if choose.random() < 0.1:
                        body = {"error": "boom", "no_retry": choose.random() < 0.25}
                        await settled(connection, job, "fail", body)
                    else:
                        await settled(connection, job, "complete", {"result": job["step"]["key"]})


async def claimed(connection: Connection, choose: random.Random) -> list[dict[str, Any]]:
    body = {
        **{"queue_name": choose.choice(QUEUES), "worker_id": "w", "limit": choose.randint(1, 4)},
        **{"lease_duration_secs": LEASE_SECONDS, "wait_ms": 100},
    }
    answer = await connection.request("POST", "/jobs/claim", body)
    assert answer.status == 200, answer
    jobs: list[dict[str, Any]] = answer.body["jobs"]
    for job in jobs:  # every parent has a result by then: its own name
        assert all(key == result for key, result in job["step"]["deps"].items()), job
    return jobs


async def settled(
    connection: Connection, job: dict[str, Any], how: str, body: dict[str, Any]
) -> None:
    answer = await connection.request(
        "POST", f"/jobs/{job['id']}/{how}", {"lease_id": job["lease_id"], **body}
    )
    assert answer.status in (200, 409), answer


async def to_the_end(url: str, choose: random.Random) -> None:
    """Nothing fails any more, and what has failed is retried."""
    until = time.monotonic() + END_SECONDS_MAX
    async with connected(url) as connection:
        while await unfinished(connection):
            assert time.monotonic() < until, await unfinished(connection)
            for job in await claimed(connection, choose):
                await settled(connection, job, "complete", {"result": job["step"]["key"]})


async def unfinished(connection: Connection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for status in ("failed", "pending", "running", "cancelled"):
        answer = await connection.request("GET", f"/workflows?status={status}&limit=100")
        found += answer.body
        if status == "failed":
            for workflow in answer.body:
                again = await connection.request("POST", f"/workflows/{workflow['id']}/retry")
                assert again.status == 200, again
    return found


def assert_all_done_once(database: str, created: set[str]) -> None:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        workflows = connection.execute("SELECT * FROM workflows").fetchall()
        assert created <= {row["id"] for row in workflows}, "an acknowledged graph is not there"
        assert {row["status"] for row in workflows} == {"completed"}
        assert {row["completed_jobs"] for row in workflows} == {STEPS}
        jobs = connection.execute("SELECT id, status FROM jobs").fetchall()
        assert len(jobs) == STEPS * len(workflows), "a graph is stored in part"
        first_claimed, completed = _moments(connection)
        assert set(completed) == {job["id"] for job in jobs}
        assert all(len(moments) == 1 for moments in completed.values()), "completed twice"
        for edge in connection.execute(_EDGES):
            assert completed[edge["parent"]][0] < first_claimed[edge["child"]], "ran too early"


def _moments(connection: sqlite3.Connection) -> tuple[dict[str, int], dict[str, list[int]]]:
    """When each job was claimed for the first time, and when it was completed."""
    first_claimed: dict[str, int] = {}
    completed: dict[str, list[int]] = {}
    for moment, row in enumerate(connection.execute(_STORY)):
        if row["event_type"] == "claimed":
            first_claimed.setdefault(row["id"], moment)
        elif row["event_type"] == "completed":
            completed.setdefault(row["id"], []).append(moment)
    return first_claimed, completed
