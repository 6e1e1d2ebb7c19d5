"""A server killed under runs of a flow with every kind of step: each is done once, and whole."""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.crash.connection import Answer, Connection, NoAnswer
from tests.crash.flow_book import FLOW, LINES, FlowBook
from tests.crash.test_kill_workflows import connected
from tests.server_process import ServerProcess

ROUNDS: Final = 3
ROUNDS_OF_A_SERIES: Final = 40
SERIES_COUNT: Final = 8
WORKERS: Final = 4
RUNS_OF_A_ROUND: Final = 4  # few, so that they come to their end between the kills
MOMENT_SECONDS: Final = (0.1, 0.7)
END_SECONDS_MAX: Final = 240.0  # on an idle machine some 2
LEASE_SECONDS: Final = 3600  # what a killed worker held is asked for again with its lease
POLICY: Final = {
    "max_retries": 100,
    "timeout_ms": 0,
    "backoff": {"strategy": "fixed", "base_delay_ms": 10},
}
OUTPUT: Final = {"each": [2, 4, 6], "total": sum(LINES) + len(LINES)}


def document() -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {"key": "begin"},
        {"key": "each", "depends_on": ["begin"], "map": {"source": "begin"}},
        {"key": "lines", "depends_on": ["begin"], "generate": True},
        {"key": "total", "depends_on": ["lines"], "reduce": {"source": "lines", "initial": 0}},
        {"key": "gate", "depends_on": ["begin"], "signal": True},
        {"key": "end", "depends_on": ["each", "total", "gate"]},
    ]
    return {"steps": [{**step, **POLICY} for step in steps]}


class Callers:
    """Who runs the flow, who signals, and who works; each until the server is gone."""

    def __init__(self, book: FlowBook, choose: random.Random) -> None:
        self.book = book
        self.choose = choose
        self.unanswered: dict[str, str] = {}  # keys of calls that nobody knows about, and tokens
        self.runs_left = 0  # that are begun before the next kill
        self.may_fail = True

    async def until_killed(self, url: str, call: Callable[[Connection], Awaitable[None]]) -> None:
        with suppress(NoAnswer):
            async with connected(url) as connection:
                while True:
                    await call(connection)

    async def run(self, connection: Connection) -> None:
        """A new run, or once more one whose answer never came."""
        if not (self.runs_left or self.unanswered):
            await self._nothing(connection)
            return
        self.runs_left -= not self.unanswered
        key, token = next(iter(self.unanswered.items()), (str(uuid.uuid4()), ""))
        token = token or f"run-{len(self.book.asked)}"
        self.unanswered[key] = token
        self.book.asked.add(token)
        path = f"/flows/{FLOW}/runs"
        answer = await connection.request(
            "POST", path, {"input": {"of": token}}, {"Idempotency-Key": key}
        )
        assert answer.status == 201, answer
        del self.unanswered[key]
        self.book.runs[token] = answer.body["workflow_id"]

    async def signal(self, connection: Connection) -> None:
        """To any run that has none yet, whether its step waits for it already or not."""
        waiting = {*self.book.runs.values()} - self.book.signalled
        if not waiting:
            await self._nothing(connection)
            return
        id = self.choose.choice(sorted(waiting))
        path = f"/workflows/{id}/steps/gate/signal"
        answer = await connection.request("POST", path, {"input": id})
        is_there = answer.status == 409 and answer.body["details"]["reason"] == "already_delivered"
        assert answer.status == 200 or is_there, answer
        self.book.signalled.add(id)

    async def _nothing(self, connection: Connection) -> None:
        """A call that shows whether the server is still there."""
        await connection.request("GET", f"/flows/{FLOW}")
        await asyncio.sleep(0.01)

    def worker(self) -> Callable[[Connection], Awaitable[None]]:
        """A worker names its leases, and asks for what it held when its answer never came."""
        lease_id: str | None = None

        async def work(connection: Connection) -> None:
            nonlocal lease_id
            lease_id = lease_id or str(uuid.uuid4())
            body = {
                **{"queue_name": FLOW, "worker_id": "w", "limit": 2, "wait_ms": 50},
                **{"lease_id": lease_id, "lease_duration_secs": LEASE_SECONDS},
            }
            answer = await connection.request("POST", "/jobs/claim", body)
            assert answer.status == 200, answer
            for job in answer.body["jobs"]:
                await self._settle(connection, job)
            lease_id = None

        return work

    async def _settle(self, connection: Connection, job: dict[str, Any]) -> None:
        if job["id"] in self.book.completed:
            raise AssertionError(f"handed out after it was completed: {job}")
        path, body = f"/jobs/{job['id']}", {"lease_id": job["lease_id"]}
        if self.may_fail and self.choose.random() < 0.1:
            answer = await connection.request("POST", f"{path}/fail", {**body, "error": "boom"})
            assert answer.status == 200, answer
            return
        if job["step"]["phase"] == "generate":
            await self._produce(connection, job)
        result = await self._result(connection, job)
        if job["step"]["key"] == "end":
            of = {"of": job["id"]}
            body["then"] = [{"op": "create_job", "queue_name": "receipts", "payload": of}]
        answer = await connection.request("POST", f"{path}/complete", {**body, "result": result})
        assert answer.status == 200, answer
        self.book.completed[job["id"]] = result

    async def _produce(self, connection: Connection, job: dict[str, Any]) -> None:
        """In two calls; what is there from an attempt before is not made again."""
        step, lease = job["step"], {"job_id": job["id"], "lease_id": job["lease_id"]}
        path = f"/workflows/{step['workflow_id']}/steps/lines/items"
        for offset, end in ((0, 2), (2, len(LINES))):
            body = {**lease, "offset": offset, "items": list(LINES[offset:end])}
            answer = await connection.request("POST", path, body)
            assert answer.status == 200, answer
            self.book.produced[job["id"]] = answer.body["total"]

    async def _result(self, connection: Connection, job: dict[str, Any]) -> Any:
        step, deps = job["step"], job["payload"].get("deps")
        match step["key"], step["phase"]:
            case "begin", _:
                return [1, 2, 3]
            case "each", _:
                return step["item"] * 2
            case "lines", "item":
                return step["item"] + 1
            case "total", _:
                path = f"/workflows/{step['workflow_id']}/steps/lines/items?state=completed"
                answer: Answer = await connection.request("GET", path)
                return sum(item["output"] for item in answer.body["items"])
            case "gate", _:
                return job["payload"]["signal"]
            case "end", _:
                return deps
        return None


@pytest.mark.slow
def test_flows_are_done_once_and_whole_after_some_kills(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, random.Random("flows"), ROUNDS))


@pytest.mark.long
@pytest.mark.parametrize("series", range(SERIES_COUNT))
def test_flows_are_done_once_and_whole_after_many_kills(tmp_path: Path, series: int) -> None:
    asyncio.run(a_series(tmp_path, random.Random(f"flows-{series}"), ROUNDS_OF_A_SERIES))


async def a_series(folder: Path, choose: random.Random, rounds: int) -> None:
    book = FlowBook()
    callers = Callers(book, choose)
    kinds = [callers.run, callers.signal, *(callers.worker() for _ in range(WORKERS))]
    with ServerProcess(folder) as server:
        server.start()
        async with connected(server.url) as connection:
            made = await connection.request("PUT", f"/flows/{FLOW}", document())
            assert made.status == 200, made
        for number in range(rounds):
            callers.runs_left = RUNS_OF_A_ROUND
            async with asyncio.TaskGroup() as group:
                for kind in kinds:
                    group.create_task(callers.until_killed(server.url, kind))
                await asyncio.sleep(choose.uniform(*MOMENT_SECONDS))
                server.kill()
            assert book.complaints(server.database) == [], f"round {number}: {server.log}"
            server.start()
        await to_the_end(server, callers, kinds)
        assert server.stop() == 0, server.log
    assert book.complaints(server.database) == []
    assert len(book.runs) >= rounds, "too little was asked for"


async def to_the_end(
    server: ServerProcess,
    callers: Callers,
    kinds: list[Callable[[Connection], Awaitable[None]]],
) -> None:
    """Nothing fails any more: every run that was begun ends with the right output."""
    callers.may_fail = False
    until = time.monotonic() + END_SECONDS_MAX
    async with connected(server.url) as connection:
        while callers.unanswered:
            await callers.run(connection)
        while True:
            for kind in kinds[1:]:
                await kind(connection)
            runs = [await shown(connection, id) for id in callers.book.runs.values()]
            if all(run["status"] == "completed" for run in runs):
                break
            assert time.monotonic() < until, [run for run in runs if run["status"] != "completed"]
        for run in runs:
            assert run["output"] == {**OUTPUT, "gate": run["id"]}


async def shown(connection: Connection, id: str) -> dict[str, Any]:
    answer = await connection.request("GET", f"/workflows/{id}")
    assert answer.status == 200, answer
    run: dict[str, Any] = answer.body
    return run
