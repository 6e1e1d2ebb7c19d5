"""Several worlds in process: a root, its forks, and a client for each key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import httpx
import uvloop

from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.worlds import Worlds, worlds
from tests.testing.stage import SECONDS_MAX, START_MS, settings_of

T = TypeVar("T")


class Seat:
    """Calls the API with one key."""

    def __init__(self, api: httpx.AsyncClient, about: dict[str, Any]) -> None:
        self.api = api
        self.about = about

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = await self.api.request(method, path, json=body, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def post(self, path: str, body: Any = None) -> Any:
        return await self.call("POST", path, {} if body is None else body)

    async def get(self, path: str) -> Any:
        return await self.call("GET", path)

    async def job(self, **fields: Any) -> str:
        body = {"queue_name": "emails", "payload": {}, **fields}
        return str((await self.post("jobs", body))["id"])

    async def claim(self, worker_id: str = "by hand", **fields: Any) -> list[dict[str, Any]]:
        body = {"queue_name": "emails", "worker_id": worker_id, **fields}
        jobs: list[dict[str, Any]] = (await self.post("jobs/claim", body))["jobs"]
        return jobs

    async def jobs(self) -> list[str]:
        return [each["id"] for each in await self.get("jobs")]

    async def now(self) -> str:
        return str((await self.get("test/clock"))["now"])

    async def advance(self, by: str) -> None:
        await self.post("test/clock/advance", {"by": by})


class Park:
    def __init__(self, it: Worlds, stack: AsyncExitStack) -> None:
        self.worlds = it
        self._stack = stack
        self.root: Seat

    async def seat(self, key: str | None, about: dict[str, Any] | None = None) -> Seat:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        api = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.worlds.router),
            base_url="http://spooled.test/api/v1/",
            headers=headers,
            timeout=SECONDS_MAX,
        )
        return Seat(await self._stack.enter_async_context(api), about or {})

    async def fork(self, name: str | None = None, parent: Seat | None = None, **body: Any) -> Seat:
        made = await (parent or self.root).post("test/fork", {"name": name, **body})
        return await self.seat(made["api_key"], made)


@asynccontextmanager
async def opened(*, seed: int | None = 1, **fields: Any) -> AsyncIterator[Park]:
    async with (
        worlds(settings_of(**fields), VirtualClock(START_MS), seed=seed) as it,
        AsyncExitStack() as stack,
    ):
        park = Park(it, stack)
        park.root = await park.seat(it.root.app.key)
        yield park


def played(
    script: Callable[[Park], Awaitable[T]], *, seconds_max: float = SECONDS_MAX, **options: Any
) -> T:
    async def main() -> T:
        async with asyncio.timeout(seconds_max), opened(**options) as park:
            return await script(park)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
