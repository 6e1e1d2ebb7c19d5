"""A server killed while a workflow is run again: it runs again whole and with its act, or not."""

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.cli.check import problems_of
from tests.crash.connection import NoAnswer
from tests.crash.test_kill_workflows import connected
from tests.server_process import ServerProcess

STEPS: Final = 200
ROUNDS: Final = 6
MOMENT_SECONDS_MAX: Final = 0.06  # about as long as it takes, the answer included


@pytest.mark.slow
def test_a_rerun_and_its_act_survive_a_kill_together_or_not_at_all(tmp_path: Path) -> None:
    asyncio.run(killed_while_running_again(tmp_path, random.Random("rerun")))


async def killed_while_running_again(folder: Path, choose: random.Random) -> None:
    first = {"key": "s0", "queue_name": "q", "payload": 0}
    rest = [{**first, "key": f"s{n}", "depends_on": ["s0"]} for n in range(1, STEPS)]
    made: list[str] = []
    with ServerProcess(folder) as server:
        server.start()
        for number in range(ROUNDS):
            async with connected(server.url) as connection:
                body = {"name": "graph", "jobs": [first, *rest]}
                workflow = (await connection.request("POST", "/workflows", body)).body
                made.append(workflow["id"])
                path = f"/workflows/{workflow['id']}"
                await connection.request("POST", f"{path}/cancel", {})

            answered: list[Any] = []
            async with asyncio.TaskGroup() as group:
                group.create_task(run_again(server.url, path, answered))
                await asyncio.sleep(choose.uniform(0, MOMENT_SECONDS_MAX))
                server.kill()

            assert problems_of(server.database) == [], f"round {number}"
            assert_whole(server.database, workflow["id"], is_told=bool(answered))
            server.start()
        assert server.stop() == 0, server.log
    assert problems_of(server.database) == []


async def run_again(url: str, path: str, answered: list[Any]) -> None:
    with suppress(NoAnswer):
        async with connected(url) as connection:
            answer = await connection.request("POST", f"{path}/rerun", {"from": "s0"})
            assert (answer.status, answer.body["steps"]) == (200, STEPS)
            answered.append(answer)


def assert_whole(database: str, workflow_id: str, *, is_told: bool) -> None:
    with closing(sqlite3.connect(database)) as file:
        counts = "SELECT status, count(*) FROM jobs WHERE workflow_id = ? GROUP BY status"
        statuses = dict(file.execute(counts, (workflow_id,)).fetchall())
        told = "SELECT count FROM acts WHERE subject = ? AND act = 'rerun'"
        acts = [row[0] for row in file.execute(told, (workflow_id,))]
    if acts or is_told:
        assert (statuses, acts) == ({"pending": STEPS}, [STEPS])
    else:
        assert statuses == {"cancelled": STEPS}
