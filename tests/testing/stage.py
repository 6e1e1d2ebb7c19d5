"""A world and a client of it, in process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import httpx
import uvloop

from spooled_lite.config import Settings
from spooled_lite.outbound.http_client import Poster, ReceiverAnswer
from spooled_lite.testing.clock import SEEDED_START_MS, VirtualClock
from spooled_lite.testing.world import World, world

T = TypeVar("T")

SECONDS_MAX: Final = 60.0
START_MS: Final = SEEDED_START_MS
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
ADMIN_KEY: Final = "an-admin-key-for-tests"


class Failing:
    """A receiver that fails a number of times for each delivery, which its URL ends with."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer:
        fails = int(url.rpartition("/")[2]) >= int(headers["X-Spooled-Delivery-Attempt"])
        error = "HTTP 500" if fails else None
        return ReceiverAnswer(status_code=500 if fails else 200, error=error, duration_ms=0)

    async def close(self) -> None:
        pass


class Stage:
    """Calls the API of a world, and moves its clock."""

    def __init__(self, it: World, api: httpx.AsyncClient) -> None:
        self.world = it
        self.api = api

    async def post(self, path: str, body: Any = None, *, status: int | None = None) -> Any:
        answer = await self.api.post(path, json={} if body is None else body)
        if status is None:
            assert answer.is_success, answer.text
        else:
            assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def get(self, path: str) -> Any:
        answer = await self.api.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def move(self, act: str, **options: Any) -> Any:
        return await self.post(f"test/clock/{act}", options)

    async def job(self, **fields: Any) -> str:
        made = await self.post("jobs", {"queue_name": "emails", "payload": {}, **fields})
        return str(made["id"])

    async def claim(self, worker_id: str = "by hand", **fields: Any) -> list[dict[str, Any]]:
        body = {"queue_name": "emails", "worker_id": worker_id, **fields}
        jobs: list[dict[str, Any]] = (await self.post("jobs/claim", body))["jobs"]
        return jobs

    @property
    def now_ms(self) -> int:
        return self.world.clock.now_ms()


def settings_of(**fields: Any) -> Settings:
    chosen = {"database": ":memory:", "grpc_port": "off", "port": 0, "admin_key": ADMIN_KEY}
    return Settings(**{**chosen, **fields})


@asynccontextmanager
async def staged(
    *,
    seed: int | None = 1,
    clock: VirtualClock | None = None,
    outgoing: Poster | None = None,
    **fields: Any,
) -> AsyncIterator[Stage]:
    async with (
        world(
            settings_of(**fields), clock or VirtualClock(START_MS), seed=seed, outgoing=outgoing
        ) as it,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=it.app.application),
            base_url="http://spooled.test/api/v1/",
            headers={"Authorization": f"Bearer {it.app.key}"},
            timeout=SECONDS_MAX,
        ) as api,
    ):
        yield Stage(it, api)


def play(
    script: Callable[[Stage], Awaitable[T]], *, seconds_max: float = SECONDS_MAX, **options: Any
) -> T:
    """Run a script in a world of its own."""

    async def main() -> T:
        async with asyncio.timeout(seconds_max), staged(**options) as stage:
            return await script(stage)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
