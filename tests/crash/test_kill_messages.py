"""A server killed while messages, batches, topics and runs of a task are at work."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.crash.connection import Answer, Connection, NoAnswer
from tests.crash.message_book import AUDIT, CHARGES, INBOX, ORDERS, MessageBook, rows_of
from tests.crash.test_kill_workflows import connected
from tests.server_process import ServerProcess

ROUNDS: Final = 2
ROUNDS_OF_A_SERIES: Final = 50
SERIES_COUNT: Final = 5  # 250 rounds
CLIENTS_OF_A_KIND: Final = 2
LOAD_SECONDS_MAX: Final = 0.4
EACH_KIND_SECONDS_MAX: Final = 30.0  # until each kind of call was answered once
HIDE_MS: Final = 1000  # about a round, so that what was not deleted is read again
LEASE_SECONDS: Final = 3600
DRAIN_SECONDS_MAX: Final = 30.0
MANY: Final = 100  # messages that one call reads
KINDS: Final = frozenset(
    {
        *("/queues/inbox/messages", "/publish", "/batch", "/tasks/charge/runs"),
        *("delete", "consume", "complete"),
    }
)


class Caller:
    """Makes calls of one kind until the server is gone, and notes what was answered."""

    def __init__(self, book: MessageBook, choose: random.Random) -> None:
        self.book = book
        self.choose = choose
        self.answered: set[str] = set()
        self.each_kind_was_answered = asyncio.Event()

    async def until_killed(self, url: str, call: Callable[[Connection], Awaitable[None]]) -> None:
        with suppress(NoAnswer):
            async with connected(url) as connection:
                while True:
                    await call(connection)

    def _note(self, kind: str) -> None:
        self.answered.add(kind)
        if self.answered == KINDS:
            self.each_kind_was_answered.set()

    # -- what stores rows --------------------------------------------------------------------

    async def send(self, connection: Connection) -> None:
        count = self.choose.randint(1, 3)
        token = self.book.new(*[INBOX] * count)
        body = {"bodies": [{"of": token}] * count}
        await self._stored(connection, token, "/queues/inbox/messages", body)

    async def publish(self, connection: Connection) -> None:
        token = self.book.new(INBOX, AUDIT, CHARGES)
        body = {"topic": "order.placed", "body": {"of": token}}
        await self._stored(connection, token, "/publish", body)

    async def batch(self, connection: Connection) -> None:
        token = self.book.new(AUDIT, ORDERS, CHARGES)
        await self._stored(connection, token, "/batch", {"operations": three(token)})

    async def run(self, connection: Connection) -> None:
        """Every second time with one of a few keys."""
        token = self.book.new(CHARGES)
        body: dict[str, Any] = {"input": {"of": token}}
        if self.choose.random() < 0.5:
            body["concurrency_key"] = f"order-{self.choose.randint(0, 9)}"
        await self._stored(connection, token, "/tasks/charge/runs", body)

    async def _stored(self, connection: Connection, token: str, path: str, body: Any) -> None:
        answer = await connection.request("POST", path, body)
        assert answer.status in (200, 201), answer
        if answer.body.get("created") is False:
            self.book.calls[token].is_refused = True
        else:
            self.book.calls[token].is_acknowledged = True
        self._note(path)

    # -- what takes them away ----------------------------------------------------------------

    async def read_and_delete(self, connection: Connection) -> None:
        """Delete some of what was read, and leave the rest to be read again."""
        answer = await self._read(connection, self.choose.choice(("inbox", "audit")))
        ids = [each["id"] for each in answer.body["messages"]]
        if not ids:
            return
        some = set(self.choose.sample(ids, self.choose.randint(1, len(ids))))
        body = {"ids": sorted(some), "lease_id": answer.body["messages"][0]["lease_id"]}
        queue = self.book.seen[ids[0]][1][1]
        self.book.maybe_deleted |= some
        told = await connection.request("POST", f"/queues/{queue}/messages/delete", body)
        self.book.maybe_deleted -= some
        if told.status != 409:  # the time of the read was over
            assert set(told.body["deleted"]) == some, told
            self.book.deleted |= some
            self._note("delete")

    async def consume(self, connection: Connection) -> None:
        """Delete what was read together with what comes of it."""
        answer = await self._read(connection, "inbox")
        ids = [each["id"] for each in answer.body["messages"]]
        if not ids:
            return
        token = self.book.new(AUDIT, ORDERS, CHARGES, deleted=frozenset(ids))
        lease_id = answer.body["messages"][0]["lease_id"]
        delete = {"op": "delete", "queue_name": "inbox", "ids": ids, "lease_id": lease_id}
        told = await connection.request("POST", "/batch", {"operations": [*three(token), delete]})
        if told.status == 409:
            self.book.calls[token].is_refused = True
            return
        assert told.status == 200, told
        self.book.calls[token].is_acknowledged = True
        self.book.deleted |= set(ids)
        self._note("consume")

    async def _read(self, connection: Connection, queue: str) -> Answer:
        wanted = {"quantity": 3, "hide_for_ms": HIDE_MS}
        answer = await connection.request("POST", f"/queues/{queue}/messages/read", wanted)
        for each in answer.body["messages"]:
            assert each["id"] not in self.book.deleted, "read after it was deleted"
            self.book.seen[each["id"]] = (each["body"]["of"], ("message", queue))
        return answer

    async def work(self, connection: Connection) -> None:
        wanted = {"task_names": ["charge"], "limit": 3, "lease_duration_secs": LEASE_SECONDS}
        answer = await connection.request("POST", "/jobs/claim", wanted)
        for run in answer.body["jobs"]:
            assert run["id"] not in self.book.completed, "handed out after it was completed"
            token = run["lease_id"] + run["id"]
            body = {"lease_id": run["lease_id"], "result": {"of": token}}
            self.book.maybe_completed[run["id"]] = token
            told = await connection.request("POST", f"/jobs/{run['id']}/complete", body)
            assert told.status == 200, told
            del self.book.maybe_completed[run["id"]]
            self.book.completed[run["id"]] = token
            self._note("complete")


def three(token: str) -> list[dict[str, Any]]:
    return [
        {"op": "send", "queue_name": "audit", "body": {"of": token}},
        {"op": "create_job", "queue_name": "orders", "payload": {"of": token}},
        {"op": "run_task", "task_name": "charge", "input": {"of": token}},
    ]


@pytest.mark.slow
def test_messages_and_runs_are_there_once_after_some_kills(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, random.Random("messages"), ROUNDS))


@pytest.mark.long
@pytest.mark.parametrize("series", range(SERIES_COUNT))
def test_messages_and_runs_are_there_once_after_many_kills(tmp_path: Path, series: int) -> None:
    asyncio.run(a_series(tmp_path, random.Random(f"messages-{series}"), ROUNDS_OF_A_SERIES))


async def a_series(folder: Path, choose: random.Random, rounds: int) -> None:
    book = MessageBook()
    caller = Caller(book, choose)
    kinds = (
        *(caller.send, caller.publish, caller.batch, caller.run),
        *(caller.read_and_delete, caller.consume, caller.work),
    )
    with ServerProcess(folder) as server:
        server.start()
        await set_up(server.url)
        for number in range(rounds):
            async with asyncio.TaskGroup() as group:
                for kind in kinds * CLIENTS_OF_A_KIND:
                    group.create_task(caller.until_killed(server.url, kind))
                async with asyncio.timeout(EACH_KIND_SECONDS_MAX):
                    await caller.each_kind_was_answered.wait()
                await asyncio.sleep(choose.uniform(0, LOAD_SECONDS_MAX))
                server.kill()
            assert book.complaints(server.database) == [], f"round {number}: {server.log}"
            server.start()
        await assert_what_is_left_comes_back(server)
        assert server.stop() == 0, server.log
    assert book.complaints(server.database) == []
    assert book.whole.total(), "no kill came between"


async def set_up(url: str) -> None:
    places = (("queue", "inbox"), ("queue", "audit"), ("task", "charge"))
    async with connected(url) as connection:
        for queue in ("inbox", "audit"):
            await connection.request("POST", "/queues", {"name": queue})
        await connection.request("PUT", "/tasks/charge", {"queue_name": "charges"})
        for kind, name in places:
            binding = {"target_type": kind, "target_name": name, "pattern": "order.*"}
            answer = await connection.request("POST", "/bindings", binding)
            assert answer.status == 201, answer


async def assert_what_is_left_comes_back(server: ServerProcess) -> None:
    """Every message that is there is read once more, and no other, as soon as it may be."""
    rows = rows_of(server.database)
    async with connected(server.url) as connection, asyncio.timeout(DRAIN_SECONDS_MAX):
        for place in (INBOX, AUDIT):
            expected = {row.id for row in rows.values() if row.place == place}
            path, read = f"/queues/{place[1]}/messages/read", Counter[str]()
            wanted = {"quantity": MANY, "hide_for_ms": LEASE_SECONDS * 1000, "wait_ms": 1000}
            while read.total() < len(expected):
                answer = await connection.request("POST", path, wanted)
                read.update(each["id"] for each in answer.body["messages"])
            assert read == dict.fromkeys(expected, 1)
