"""Memory under a mixed load, gRPC and streams included, grows to what caches hold, and no more.

SQLite's caches are filled by what is written and read; nothing else may grow with the calls.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import httpx
import pytest
from grpc import aio
from spooled.grpc.stubs import spooled_pb2 as pb
from spooled.grpc.stubs import spooled_pb2_grpc as stubs
from websockets.asyncio.client import connect

from tests.server_process import API_KEY, ServerProcess

WINDOW_SECONDS: Final = 60.0
WINDOWS_MAX: Final = 12  # the caches of SQLite are full long before
PER_SECOND: Final = 100
# Over two windows: what the allocator takes more at one time than at another.
GROWTH_MAX: Final = 2 * 1024 * 1024
# In all: the caches of the writer and of each reader, and what is kept of callers and queues.
GROWN_MAX: Final = 96 * 1024 * 1024
AT_ONCE_MAX: Final = 40
PATIENCE_SECONDS: Final = 60.0
KEY: Final = (("x-api-key", API_KEY),)


class Users:
    """Each does something else, opens what it needs, and leaves."""

    def __init__(self, server: ServerProcess, http: httpx.AsyncClient) -> None:
        self._url = server.url
        self._grpc = server.ready["grpc_address"]
        self._http = http
        self.done = 0

    @property
    def acts(self) -> Sequence[Callable[[str], Awaitable[None]]]:
        return (self.work, self.work, self.fail, self.look, self.call, self.stream, self.listen)

    async def act(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.acts[number % len(self.acts)](f"q-{number % 5}")
        self.done += 1

    async def post(self, path: str, body: Any) -> Any:
        answer = await self._http.post(f"/api/v1/{path}", json=body)
        return answer.json() if answer.content else None

    async def work(self, queue: str) -> None:
        await self.post("jobs", {"queue": queue, "payload": {"x": "y" * 500}})
        for job in await self._claimed(queue):
            await self.post(f"jobs/{job['id']}/complete", {"lease_id": job["lease_id"]})

    async def fail(self, queue: str) -> None:
        await self.post("jobs", {"queue": queue, "payload": {}, "max_retries": 1})
        for job in await self._claimed(queue):
            await self.post(
                f"jobs/{job['id']}/fail", {"lease_id": job["lease_id"], "error": "boom"}
            )

    async def _claimed(self, queue: str) -> Any:
        asked = {"queue": queue, "worker_id": "w", "limit": 4, "wait_ms": 50}
        return (await self.post("jobs/claim", asked))["jobs"]

    async def look(self, queue: str) -> None:
        for path in ("jobs?limit=20", "queues", "dashboard", f"jobs?queue_name={queue}&q=y"):
            await self._http.get(f"/api/v1/{path}")

    async def call(self, queue: str) -> None:
        async with aio.insecure_channel(self._grpc) as channel:
            stub = cast(Any, stubs.QueueServiceStub)(channel)
            await stub.Enqueue(pb.EnqueueRequest(queue_name=queue), metadata=KEY)
            asked = pb.DequeueRequest(queue_name=queue, worker_id="g", batch_size=4)
            for job in (await stub.Dequeue(asked, metadata=KEY)).jobs:
                settled = pb.CompleteRequest(job_id=job.id, worker_id="g", lease_id=job.lease_id)
                await stub.Complete(settled, metadata=KEY)

    async def stream(self, queue: str) -> None:
        async with aio.insecure_channel(self._grpc) as channel:
            stub = cast(Any, stubs.QueueServiceStub)(channel)
            asked = pb.StreamJobsRequest(queue_name=queue, worker_id="s")
            jobs = stub.StreamJobs(asked, metadata=KEY)
            await jobs.initial_metadata()
            jobs.cancel()
            talk = stub.ProcessJobs(metadata=KEY)
            wanted = pb.DequeueRequest(queue_name=queue, worker_id="p", batch_size=1)
            await talk.write(pb.ProcessRequest(dequeue=wanted))
            await talk.done_writing()
            await talk.read()

    async def listen(self, queue: str) -> None:
        url = f"{self._url.replace('http', 'ws')}/api/v1/ws?token={API_KEY}"
        async with connect(url, compression=None, proxy=None) as socket:
            await socket.send(json.dumps({"cmd": "subscribe", "queue": queue}))
            async with self._http.stream("GET", f"/api/v1/events?queue={queue}") as events:
                async for _ in events.aiter_lines():
                    break


async def load(users: Users, seconds: float) -> None:
    began, number = time.monotonic(), 0
    running: set[asyncio.Task[None]] = set()
    while (now := time.monotonic()) < began + seconds:
        if len(running) >= AT_ONCE_MAX:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        running.add(asyncio.create_task(users.act(number), name="user"))
        number += 1
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - now))
    if running:
        await asyncio.wait(running)


@pytest.mark.long
def test_memory_stops_growing_under_a_mixed_load(tmp_path: Path) -> None:
    seen: list[int] = []

    async def until_it_stands(server: ServerProcess) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(
            base_url=server.url, headers=headers, timeout=PATIENCE_SECONDS
        ) as http:
            users = Users(server, http)
            while len(seen) < WINDOWS_MAX and not stands(seen):
                await load(users, WINDOW_SECONDS)
                seen.append(server.resident_bytes)
            assert users.done > len(seen) * WINDOW_SECONDS  # even on a slow machine

    with ServerProcess(tmp_path, grpc_port="auto", log_level="warning") as server:
        server.start()
        first = server.resident_bytes

        asyncio.run(until_it_stands(server))

        assert stands(seen), seen
        assert seen[-1] - first < GROWN_MAX
        assert server.stop() == 0


def stands(seen: Sequence[int]) -> bool:
    return len(seen) > 2 and seen[-1] - seen[-3] < GROWTH_MAX
