"""A real server, and clients that wait for jobs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from starlette.types import Message

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.serving import serving
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.time_limit import TimeLimit
from tests.wire.http.raw_http import PATIENCE_SECONDS, Answer, Client, connected, run, short_limits
from tests.wire.http.served import NOW_MS

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
async def a_stage(time_limit: TimeLimit | None = None) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW_MS)
    settings = Settings(database=":memory:", port=0, grpc_port="off", shutdown_grace_seconds=5)
    async with running(settings, clock=clock) as it:
        assert it.key is not None, "the file is new"
        org = (await it.services.callers.find(it.key)).org
        app = Application(it.services, time_limit=time_limit)
        async with serving(it, asgi=app, limits=short_limits()) as server:
            stage = Stage(it, server.http, clock, org)
            try:
                yield stage
            finally:
                await stage.close()


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


def play(script: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    """Run a test against a server of its own."""

    async def main() -> None:
        async with a_stage() as stage:
            await script(stage)

    run(main())
