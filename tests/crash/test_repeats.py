"""A server killed at random moments: calls with an `Idempotency-Key`, made again, are done once."""

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.crash.connection import Answer, Connection, NoAnswer
from tests.server_process import ServerProcess

ROUNDS: Final = 2
ROUNDS_LONG: Final = 60
CLIENTS: Final = 6
SAMPLE: Final = 50  # of those that are answered, made again after each kill
LOAD_SECONDS_MAX: Final = 0.4
QUEUE: Final = "audit"


class Asked:
    """Calls by the keys they name, and what was answered to each."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, Any]] = {}  # path and body
        self.answers: dict[str, Any] = {}

    def new(self, moments: random.Random) -> str:
        """The key of a call that was not made before."""
        key = f"call-{len(self.calls)}"
        one = {"queue_name": QUEUE, "payload": {"call": key}}
        self.calls[key] = moments.choice(
            (
                (f"/queues/{QUEUE}/messages", {"body": {"call": key}}),
                ("/inbox/ada", {"topic": "order.placed", "message": key}),
                ("/publish", {"topic": "order.placed", "body": {"call": key}}),
                ("/jobs/bulk", {"jobs": [one]}),
                ("/batch", {"operations": [{"op": "create_job", **one}]}),
                ("/workflows", {"name": key, "jobs": [{"key": "a", **one}]}),
            )
        )
        return key

    def to_repeat(self, moments: random.Random) -> list[str]:
        """Those without an answer, and some others."""
        unknown = [key for key in self.calls if key not in self.answers]
        return unknown + moments.sample(sorted(self.answers), min(SAMPLE, len(self.answers)))

    def answered(self, key: str, answer: Answer) -> None:
        assert answer.status in (200, 201), answer
        known = self.answers.setdefault(key, answer.body)
        assert answer.body == known, f"{key} was answered otherwise before"


@pytest.mark.slow
def test_a_call_is_done_once_in_some_kills(tmp_path: Path) -> None:
    asyncio.run(rounds(tmp_path, ROUNDS, seed="short"))


@pytest.mark.long
def test_a_call_is_done_once_in_many_kills(tmp_path: Path) -> None:
    asyncio.run(rounds(tmp_path, ROUNDS_LONG, seed="long"))


async def rounds(folder: Path, count: int, seed: str) -> None:
    moments, asked = random.Random(seed), Asked()
    with ServerProcess(folder) as server:
        server.start()
        await set_up(server)
        for _ in range(count):
            await asyncio.gather(
                killed(server, moments), *(client(server, asked, moments) for _ in range(CLIENTS))
            )
            server.start()
            await repeated(server, asked, asked.to_repeat(moments))
        await repeated(server, asked, list(asked.calls))
        assert server.stop() == 0, server.log
    assert set(asked.answers) == set(asked.calls)
    assert done(server.database) == dict.fromkeys(asked.calls, 1)


async def set_up(server: ServerProcess) -> None:
    binding = {"target_type": "queue", "target_name": QUEUE, "pattern": "order.#"}
    with contextlib.closing(await Connection.open(server.url)) as connection:
        for path, body in (("/queues", {"name": QUEUE}), ("/bindings", binding)):
            assert (await connection.request("POST", path, body)).status == 201


async def killed(server: ServerProcess, moments: random.Random) -> None:
    await asyncio.sleep(moments.uniform(0.05, LOAD_SECONDS_MAX))
    server.kill()


async def client(server: ServerProcess, asked: Asked, moments: random.Random) -> None:
    """New calls, and at times one that is under way or was made before, until the server dies."""
    with contextlib.suppress(NoAnswer):
        while True:
            with contextlib.closing(await Connection.open(server.url)) as connection:
                for _ in range(moments.randint(1, 20)):
                    is_new = not asked.calls or moments.random() < 0.7
                    key = asked.new(moments) if is_new else moments.choice(list(asked.calls))
                    asked.answered(key, await made(connection, asked, key))


async def repeated(server: ServerProcess, asked: Asked, keys: Sequence[str]) -> None:
    """Make these calls once more; those without an answer get one now."""

    async def share(number: int) -> None:
        with contextlib.closing(await Connection.open(server.url)) as connection:
            for key in keys[number::CLIENTS]:
                asked.answered(key, await made(connection, asked, key))

    await asyncio.gather(*map(share, range(CLIENTS)))


async def made(connection: Connection, asked: Asked, key: str) -> Answer:
    path, body = asked.calls[key]
    return await connection.request("POST", path, body, {"Idempotency-Key": key})


def done(database: str) -> Counter[str]:
    """How often each call was done, by what it has stored."""
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT payload FROM jobs").fetchall()
        notified = connection.execute("SELECT message FROM notifications").fetchall()
    finally:
        connection.close()
    calls = [msgspec.json.decode(payload)["call"] for (payload,) in rows]
    return Counter([*calls, *(message for (message,) in notified)])
