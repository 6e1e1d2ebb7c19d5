"""Claims that wait, over a real server: contract jobs, J11; catbird-capabilities, 19.3."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.types import Message

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.http.middleware.time_limit import TimeLimit
from spooled_lite.wire.http.server import HttpServer
from tests.api.raw_http import PATIENCE_SECONDS, Answer, Client, connected, run, serving
from tests.api.served import NOW_MS
from tests.factories import a_key

LONG_MS: Final = 30_000  # a test that waits for the end of this has failed


class Stage:
    """A server, and clients of it. Every call has a connection of its own."""

    def __init__(self, it: Running, server: HttpServer, clock: ManualClock, org: int) -> None:
        assert it.key is not None, "the file is new"
        self.it = it
        self.server = server
        self.clock = clock
        self.org = org
        self.key = it.key
        self.db = it.services.db
        self._open = AsyncExitStack()

    async def close(self) -> None:
        await self._open.aclose()

    async def connect(self) -> Client:
        return await self._open.enter_async_context(connected(self.server))

    async def call(self, method: str, path: str, body: Any = None, *, key: str = "") -> Answer:
        client = await self.connect()
        await client.send(a_request(method, path, body, key or self.key))
        return await client.read_answer()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.call("POST", path, body)
        assert 200 <= answer.status < 300, answer.body
        return answer.json

    async def enqueue(self, queue_name: str = "emails", **fields: Any) -> str:
        job = await self.post("jobs", {"queue": queue_name, "payload": {}, **fields})
        return str(job["id"])

    async def claim(self, queue_name: str = "emails", **fields: Any) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = (
            await self.post("jobs/claim", {"queue": queue_name, "worker_id": "w-1", **fields})
        )["jobs"]
        return jobs

    async def waiting(
        self, queue_name: str = "emails", *, key: str = "", path: str = "jobs/claim", **fields: Any
    ) -> Client:
        """A client whose claim stands in line, as the last one."""
        count = self.count(queue_name)
        client = await self.connect()
        body = {"queue": queue_name, "wait_ms": LONG_MS, **fields}
        await client.send(a_request("POST", path, body, key or self.key))
        await self.until(lambda: self.count(queue_name) == count + 1)
        return client

    def count(self, queue_name: str = "emails") -> int:
        return len(self.it.services.waiting.waiting_in((self.org, queue_name)))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let everything go on until this is so; each round is a whole transaction."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():
                await self.db.write(lambda tx: None)

    async def shown(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = (await self.call("GET", f"jobs/{job_id}")).json
        return job

    async def history(self, job_id: str) -> list[str]:
        rows = (await self.call("GET", f"jobs/{job_id}/history")).json
        return [row["event_type"] for row in rows]


def a_request(method: str, path: str, body: Any, key: str) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} /api/v1/{path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def given(client: Client) -> list[str]:
    """The ids of the jobs that a waiting claim is answered with."""
    answer = await client.read_answer()
    assert answer.status == 200, answer.body
    return [job["id"] for job in answer.json["jobs"]]


@asynccontextmanager
async def a_stage(path: Path, time_limit: TimeLimit | None = None) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW_MS)
    async with running(Settings(database=":memory:"), clock=clock) as it:
        assert it.key is not None, "the file is new"
        org = (await it.services.callers.find(it.key)).org
        app = Application(it.services, time_limit=time_limit)
        async with serving(app, on_stopping=it.begin_stop, grace_seconds=5) as server:
            stage = Stage(it, server, clock, org)
            try:
                yield stage
            finally:
                await stage.close()


Script = Callable[[Stage], Coroutine[Any, Any, None]]
Play = Callable[[Script], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a test against a server of its own."""

    def on_stage(script: Script) -> None:
        async def main() -> None:
            async with a_stage(tmp_path) as stage:
                await script(stage)

        run(main())

    return on_stage


# -- without waiting -----------------------------------------------------------------------------


def test_without_a_time_to_wait_the_answer_is_at_once(play: Play) -> None:
    async def script(stage: Stage) -> None:
        assert await stage.claim() == []
        assert await stage.claim(wait_ms=0) == []
        assert await stage.claim(wait_ms=None) == []
        assert stage.count() == 0

    play(script)


def test_a_claim_that_finds_something_does_not_wait(play: Play) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()

        [job] = await stage.claim(wait_ms=LONG_MS, limit=5)

        assert job["id"] == job_id

    play(script)


def test_when_its_time_is_up_the_answer_is_empty(play: Play) -> None:
    async def script(stage: Stage) -> None:
        assert await stage.claim(wait_ms=20) == []
        assert await stage.post("jobs/dequeue", {"queue": "emails", "wait_ms": 20}) is None
        await stage.until(lambda: stage.count() == 0)

        job_id = await stage.enqueue()
        assert [job["id"] for job in await stage.claim()] == [job_id]

    play(script)


def test_waiting_does_not_count_as_handler_time(tmp_path: Path) -> None:
    async def main() -> None:
        limit = TimeLimit(0.05, sweep_seconds=0.01)
        async with a_stage(tmp_path, limit) as stage:
            assert await stage.claim(wait_ms=300) == []

    run(main())


# -- what answers a waiting claim ----------------------------------------------------------------


def test_an_enqueue_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting(worker_id="w-9", lease_duration_secs=60)

        job_id = await stage.enqueue()

        assert await given(client) == [job_id]
        shown = await stage.shown(job_id)
        assert (shown["status"], shown["worker_id"], shown["attempts"]) == ("processing", "w-9", 1)
        assert shown["lease_expires_at"] == "2027-01-15T08:01:00.000Z"
        assert stage.count() == 0

    play(script)


def test_a_bulk_answers_several(play: Play) -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting(limit=2) for _ in range(2)]

        body = await stage.post("jobs/bulk", {"queue": "emails", "jobs": [{"payload": 1}] * 3})

        ids = [each["job_id"] for each in body["succeeded"]]
        assert [await given(client) for client in clients] == [ids[:2], ids[2:]]

    play(script)


def test_a_waiting_dequeue_is_answered_with_one_job(play: Play) -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting(path="jobs/dequeue")

        job_id = await stage.enqueue()

        answer = await client.read_answer()
        assert (answer.json["id"], answer.json["attempts"]) == (job_id, 1)

    play(script)


def test_the_promotion_of_a_delayed_job_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting()
        job_id = await stage.enqueue(delay_seconds=60)
        stage.clock.advance(seconds=59)
        await stage.db.write(lambda tx: None)
        assert stage.count() == 1

        stage.clock.advance(seconds=1)

        assert await given(client) == [job_id]

    play(script)


def test_the_end_of_a_backoff_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        await stage.enqueue()
        [job] = await stage.claim()
        client = await stage.waiting()
        await stage.post(f"jobs/{job['id']}/fail", {"error": "e"})
        assert stage.count() == 1

        stage.clock.advance(seconds=1)

        assert await given(client) == [job["id"]]

    play(script)


@pytest.mark.parametrize("path", ["jobs/{id}/retry", "jobs/dlq/retry"])
def test_a_retry_by_hand_answers_it(play: Play, path: str) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue(max_retries=0)
        await stage.claim()
        await stage.post(f"jobs/{job_id}/fail", {"error": "e"})
        client = await stage.waiting()

        await stage.post(path.replace("{id}", job_id))

        assert await given(client) == [job_id]

    play(script)


def test_the_end_of_a_lease_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        await stage.claim()
        client = await stage.waiting()

        stage.clock.advance(seconds=30)

        assert await given(client) == [job_id]
        assert (await stage.shown(job_id))["retry_count"] == 1

    play(script)


def test_the_last_dependency_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        parent = await stage.enqueue("parents")
        await stage.claim("parents")
        child = await stage.enqueue(parent_job_id=parent)
        client = await stage.waiting()

        await stage.post(f"jobs/{parent}/complete")

        assert await given(client) == [child]

    play(script)


def test_a_pause_holds_it_and_the_resume_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting()
        await stage.post("queues/emails/pause")
        job_id = await stage.enqueue()
        assert stage.count() == 1
        assert (await stage.shown(job_id))["status"] == "pending"

        await stage.post("queues/emails/resume")

        assert await given(client) == [job_id]

    play(script)


def test_a_raised_limit_answers_it(play: Play) -> None:
    async def script(stage: Stage) -> None:
        await stage.call("PUT", "queues/emails", {"max_concurrency": 1})
        _, second = [await stage.enqueue() for _ in range(2)]
        await stage.claim(limit=2)
        client = await stage.waiting()

        await stage.call("PUT", "queues/emails", {"max_concurrency": 2})

        assert await given(client) == [second]

    play(script)


@pytest.mark.parametrize(
    ("act", "body"),
    [("complete", {}), ("fail", {"error": "e"}), ("fail", {"error": "e", "no_retry": True})],
)
def test_the_end_of_an_attempt_makes_room_under_a_concurrency_limit(
    play: Play, act: str, body: dict[str, Any]
) -> None:
    async def script(stage: Stage) -> None:
        await stage.call("PUT", "queues/emails", {"max_concurrency": 1})
        first, second = [await stage.enqueue() for _ in range(2)]
        await stage.claim()
        client = await stage.waiting()

        await stage.post(f"jobs/{first}/{act}", body)

        assert await given(client) == [second]

    play(script)


def test_the_next_second_makes_room_under_a_rate_limit(play: Play) -> None:
    async def script(stage: Stage) -> None:
        await stage.call("PUT", "queues/emails", {"rate_limit": 1})
        _, second, third = [await stage.enqueue() for _ in range(3)]
        await stage.claim()
        clients = [await stage.waiting() for _ in range(2)]

        stage.clock.advance(seconds=1)
        assert await given(clients[0]) == [second]
        assert stage.count() == 1
        stage.clock.advance(seconds=1)

        assert await given(clients[1]) == [third]

    play(script)


# -- the line ------------------------------------------------------------------------------------


def test_the_oldest_is_served_first(play: Play) -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting() for _ in range(3)]
        ids = [await stage.enqueue() for _ in range(3)]

        assert [await given(client) for client in clients] == [[job_id] for job_id in ids]

    play(script)


def test_a_fresh_claim_goes_behind_those_that_wait(play: Play) -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting()

        _, fresh = await asyncio.gather(stage.enqueue(), stage.claim())

        assert fresh == []
        assert len(await given(client)) == 1

    play(script)


def test_two_queues_do_not_disturb_each_other(play: Play) -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting("a")
        other = await stage.waiting("b")

        job_id = await stage.enqueue("b")

        assert await given(other) == [job_id]
        assert stage.count("a") == 1
        mine = await stage.enqueue("a")
        assert await given(client) == [mine]

    play(script)


def test_many_that_wait_are_not_even_looked_at_for_another_queue(play: Play) -> None:
    async def script(stage: Stage) -> None:
        lines: list[Any] = []
        waiting = stage.it.services.waiting
        look = waiting.waiting_in
        clients = await asyncio.gather(*(stage.connect() for _ in range(1_000)))
        body = {"queue": "crowded", "wait_ms": LONG_MS}
        for client in clients:
            await client.send(a_request("POST", "jobs/claim", body, stage.key))
        await stage.until(lambda: stage.count("crowded") == 1_000)

        def looked(line: Any) -> Any:
            lines.append(line)
            return look(line)

        waiting.waiting_in = looked  # type: ignore[method-assign]
        await asyncio.gather(*(stage.enqueue("other") for _ in range(20)))

        assert set(lines) <= {(stage.org, "other")}
        waiting.waiting_in = look  # type: ignore[method-assign]
        job_id = await stage.enqueue("crowded")
        assert await given(clients[0]) == [job_id]
        assert stage.count("crowded") == 999

    play(script)


# -- who leaves ----------------------------------------------------------------------------------


def test_a_client_that_leaves_loses_its_place_and_gets_no_job(play: Play) -> None:
    async def script(stage: Stage) -> None:
        leaver, stayer = [await stage.waiting() for _ in range(2)]

        await leaver.close()
        await stage.until(lambda: stage.count() == 1)
        job_id = await stage.enqueue()

        assert await given(stayer) == [job_id]
        assert await stage.history(job_id) == ["created", "claimed"]

    play(script)


@pytest.mark.parametrize("wait_ms", [0, LONG_MS])
@pytest.mark.parametrize("path", ["claim", "dequeue"])
def test_a_job_handed_to_somebody_who_has_just_left_is_released(
    play: Play, path: str, wait_ms: int
) -> None:
    async def script(stage: Stage) -> None:
        if not wait_ms:
            job_id = await stage.enqueue()
        gone = NotYetNoticed(stage, path, {"queue": "emails", "wait_ms": wait_ms})
        if wait_ms:
            await stage.until(lambda: stage.count() == 1)
            job_id = await stage.enqueue()
        await gone.over
        await stage.db.write(lambda tx: None)  # behind the release

        assert stage.count() == 0
        shown = await stage.shown(job_id)

        assert gone.said == []
        assert await stage.history(job_id) == ["created", "claimed", "released"]
        nothing = ("started_at", "lease_id", "lease_expires_at", "worker_id", "last_error")
        assert [shown[name] for name in nothing] == [None] * len(nothing)
        assert (shown["status"], shown["retry_count"], shown["attempts"]) == ("pending", 0, 0)
        assert [job["id"] for job in await stage.claim()] == [job_id]

    play(script)


def test_a_released_job_goes_to_the_next_in_line(play: Play) -> None:
    async def script(stage: Stage) -> None:
        gone = NotYetNoticed(stage, "claim", {"queue": "emails", "wait_ms": LONG_MS})
        await stage.until(lambda: stage.count() == 1)
        client = await stage.waiting()

        job_id = await stage.enqueue()

        assert await given(client) == [job_id]
        await gone.over
        assert await stage.history(job_id) == ["created", "claimed", "released", "claimed"]

    play(script)


def test_a_call_that_is_stopped_as_it_gets_its_job_gives_it_back(play: Play) -> None:
    async def script(stage: Stage) -> None:
        stopped = NotYetNoticed(stage, "claim", {"queue": "emails", "wait_ms": LONG_MS})
        await stage.until(lambda: stage.count() == 1)
        [request] = stage.it.services.waiting.waiting_in((stage.org, "emails"))
        request.taker.add_done_callback(lambda _: stopped.over.cancel())

        job_id = await stage.enqueue()
        with pytest.raises(asyncio.CancelledError):
            await stopped.over

        assert [job["id"] for job in await stage.claim()] == [job_id]
        assert "released" in await stage.history(job_id)

    play(script)


def test_a_key_that_is_revoked_meanwhile_gets_no_job(play: Play) -> None:
    async def script(stage: Stage) -> None:
        issued = await stage.db.write(issue, stage.org, a_key(), is_live=False)
        revoked = await stage.waiting(key=issued.secret)
        good = await stage.waiting()
        await stage.db.write(revoke, stage.org, issued.row["id"])

        job_id = await stage.enqueue()

        refused = await revoked.read_answer()
        assert (refused.status, refused.json["code"]) == (401, "UNAUTHORIZED")
        assert await given(good) == [job_id]

    play(script)


def test_a_stopping_server_answers_everybody_empty(play: Play) -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting(name) for name in ("a", "a", "b")]

        await stage.server.stop()

        for client in clients:
            answer = Answer.parse(await client.read_to_end())
            assert (answer.status, answer.json) == (200, {"jobs": []})

    play(script)


class NotYetNoticed:
    """A call whose client has left, which only a look at its connection can tell."""

    def __init__(self, stage: Stage, path: str, body: Any) -> None:
        self.said: list[Message] = []
        self._body: bytes | None = json.dumps(body).encode()
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": f"/api/v1/jobs/{path}",
            "raw_path": f"/api/v1/jobs/{path}".encode(),
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {stage.key}".encode())],
            "extensions": {"spooled.is_gone": lambda: True},
        }
        self.over = asyncio.ensure_future(stage.it.application(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: Message) -> None:
        self.said.append(message)
