"""A server killed while it delivers webhooks loses none of them, and changes none."""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.connection import Connection, NoAnswer
from tests.outbound.receiver import Receiver, Request
from tests.server_process import ServerProcess

ROUNDS = 12
ROUNDS_LONG = 150
CREATORS = 4
LOAD_SECONDS_MAX = 0.6
STUCK_SECONDS_MAX = 60.0  # without any progress; how fast it is depends on the machine
LOOK_SECONDS = 0.2


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


@pytest.mark.slow
def test_no_delivery_is_lost_in_some_kills(tmp_path: Path, receiver: Receiver) -> None:
    asyncio.run(rounds(tmp_path, receiver, ROUNDS, seed="short"))


@pytest.mark.long
def test_no_delivery_is_lost_in_many_kills(tmp_path: Path, receiver: Receiver) -> None:
    asyncio.run(rounds(tmp_path, receiver, ROUNDS_LONG, seed="long"))


async def rounds(folder: Path, receiver: Receiver, count: int, seed: str) -> None:
    moments = random.Random(seed)
    acknowledged: set[str] = set()  # jobs that a client was told of
    fine, slow, fails = (
        receiver.url("ok", "fine"),
        receiver.url("slow 0.05", "slow"),
        receiver.url("first", "fails"),
    )
    # Each of the first calls fails, so that kills hit deliveries that wait for another attempt.
    receiver.answer("/first/fails", *["500", "ok"] * 40, "ok")
    with ServerProcess(folder) as server:
        server.start()
        webhooks = [await subscribe(server, url) for url in (fine, slow, fails)]
        for _ in range(count):
            await killed_and_restarted(server, acknowledged, moments)
        await drained(server)
        assert server.stop() == 0, server.log
    rows = deliveries(server.database)
    requests: list[Request] = await asyncio.to_thread(receiver.requests)
    assert len(acknowledged) > count * 5, "little was put to the test"
    check(rows, requests, acknowledged, webhooks)


def check(
    rows: list[sqlite3.Row],
    requests: list[Request],
    acknowledged: set[str],
    webhooks: list[dict[str, Any]],
) -> None:
    by_webhook: dict[str, set[str]] = {}
    for row in rows:
        by_webhook.setdefault(row["webhook_id"], set()).add(row["job_id"])
    for webhook in webhooks:
        missing = acknowledged - by_webhook.get(webhook["id"], set())
        assert missing == set(), "owed with the job that caused it, or the job is not there"
    arrived: dict[str, list[Request]] = {}
    for request in requests:
        arrived.setdefault(request.header("x-spooled-delivery-id") or "", []).append(request)
    assert {row["status"] for row in rows} == {"success"}
    assert {row["id"] for row in rows} == arrived.keys(), "each at least once, and no other"
    for row in rows:
        calls = arrived[row["id"]]
        assert {call.body.encode("latin-1") for call in calls} == {row["body"]}
        assert json.loads(calls[0].body)["data"]["job_id"] == row["job_id"]
        numbers = [int(call.header("x-spooled-delivery-attempt") or 0) for call in calls]
        assert numbers == sorted(numbers), "a repeat has the number of what it repeats"
        assert numbers[0] == 1
        assert numbers[-1] == row["attempts"]
        assert set(numbers) == set(range(1, row["attempts"] + 1))


async def subscribe(server: ServerProcess, url: str) -> dict[str, Any]:
    connection = await Connection.open(server.url)
    body = {"name": "n", "url": url, "events": ["job.created"], "secret": "s"}
    answer = await connection.request("POST", "/outgoing-webhooks", body)
    connection.close()
    assert answer.status == 201, answer
    return dict(answer.body)


async def killed_and_restarted(
    server: ServerProcess, acknowledged: set[str], moments: random.Random
) -> None:
    async def kill() -> None:
        await asyncio.sleep(moments.uniform(0.02, LOAD_SECONDS_MAX))
        server.kill()

    async with asyncio.TaskGroup() as group:
        for _ in range(CREATORS):
            group.create_task(create_jobs(server.url, acknowledged))
        group.create_task(kill())
    server.start()


async def create_jobs(url: str, acknowledged: set[str]) -> None:
    """Until the server is gone."""
    try:
        connection = await Connection.open(url)
    except NoAnswer:
        return
    try:
        while True:
            answer = await connection.request("POST", "/jobs", {"queue": "q", "payload": {}})
            if answer.status == 201:
                acknowledged.add(answer.body["id"])
            # So that deliveries keep up: what is killed should be at every stage of its life.
            await asyncio.sleep(0.005)
    except NoAnswer:
        pass
    finally:
        connection.close()


async def drained(server: ServerProcess) -> None:
    """Until nothing is owed any more."""
    await until_none(server.database, "SELECT count(*) FROM deliveries WHERE status = 'pending'")


async def until_none(database: str, statement: str) -> None:
    """Until what the statement counts is no more, as long as it becomes less."""
    least, looks_left = None, int(STUCK_SECONDS_MAX / LOOK_SECONDS)
    while looks_left:
        count = await asyncio.to_thread(counted, database, statement)
        if not count:
            return
        looks_left -= 1
        if least is None or count < least:
            least, looks_left = count, int(STUCK_SECONDS_MAX / LOOK_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError(f"{least} are still owed")


def counted(database: str, statement: str) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    count: int = connection.execute(statement).fetchone()[0]
    connection.close()
    return count


def deliveries(database: str) -> list[sqlite3.Row]:
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    rows = connection.execute(
        "SELECT deliveries.*, webhooks.id AS webhook_id FROM deliveries JOIN webhooks"
        " ON webhooks.seq = deliveries.webhook"
    ).fetchall()
    connection.close()
    return rows


# -- owed to very many -----------------------------------------------------------------------

VERY_MANY = 40  # webhooks: of these jobs more deliveries than one operation writes itself
JOBS_AT_ONCE = 100
ROUNDS_VERY_MANY = 6


@pytest.mark.slow
def test_what_is_owed_to_very_many_is_owed_to_each_whenever_it_is_killed(
    tmp_path: Path, receiver: Receiver
) -> None:
    asyncio.run(very_many(tmp_path, receiver.url_of("deaf_port")))


async def very_many(folder: Path, nobody: str) -> None:
    moments = random.Random("very many")
    acknowledged: set[str] = set()
    bulk = {"queue_name": "q", "jobs": [{"payload": {}}] * JOBS_AT_ONCE}
    with ServerProcess(folder) as server:
        server.start()
        webhooks = [await subscribe(server, nobody) for _ in range(VERY_MANY)]
        for _ in range(ROUNDS_VERY_MANY):
            connection = await Connection.open(server.url)
            answer = await connection.request("POST", "/jobs/bulk", bulk)
            await asyncio.sleep(moments.uniform(0, 0.05))
            server.kill()
            connection.close()
            acknowledged |= {each["job_id"] for each in answer.body["succeeded"]}
            server.start()
        await until_none(server.database, "SELECT count(*) FROM owed_events")
        server.kill()
    pairs = Counter((row["webhook_id"], row["job_id"]) for row in deliveries(server.database))
    assert len(acknowledged) == ROUNDS_VERY_MANY * JOBS_AT_ONCE
    assert pairs == {(hook["id"], job_id): 1 for hook in webhooks for job_id in acknowledged}


# -- stopping --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_a_receiver_that_does_not_answer_does_not_keep_a_server_from_stopping(
    tmp_path: Path, receiver: Receiver, signals: int
) -> None:
    grace_seconds = {1: "1", 2: "60"}[signals]
    with ServerProcess(tmp_path, shutdown_grace_seconds=grace_seconds) as server:
        server.start()
        asyncio.run(subscribe_and_create(server, receiver.url("hangs")))
        receiver.requests("/hangs", count=1)

        for _ in range(signals):
            server.terminate()
            if signals > 1:
                assert_stopping(server)
        assert server.wait(20) == 0, server.log

    assert "Traceback" not in server.log
    [row] = deliveries(server.database)
    assert (row["status"], row["attempts"]) == ("pending", 0)


async def subscribe_and_create(server: ServerProcess, url: str) -> None:
    await subscribe(server, url)
    connection = await Connection.open(server.url)
    answer = await connection.request("POST", "/jobs", {"queue": "q", "payload": {}})
    connection.close()
    assert answer.status == 201


def assert_stopping(server: ServerProcess) -> None:
    """Until the listener is closed: signals that come at once would count as one."""

    async def refused() -> bool:
        try:
            (await Connection.open(server.url)).close()
        except NoAnswer:
            return True
        return False

    assert any(asyncio.run(refused()) for _ in range(2_000))
