"""The same as coroutines. Each call waits on a thread, so the event loop of the test goes on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Self, TypeVar

from spooled_lite.testing.public.clock import Clock, Moved, WaitsForDeliveries, WaitsForWorkers
from spooled_lite.testing.public.server import Server, World

W = TypeVar("W", bound=World)


class AsyncClock:
    """See `Clock`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return await asyncio.to_thread(lambda: self._clock.now)

    async def advance(
        self,
        by: timedelta | str | None = None,
        *,
        to: datetime | str | None = None,
        workers: WaitsForWorkers = "wait",
        deliveries: WaitsForDeliveries = "wait",
        back: bool = False,
    ) -> Moved:
        return await asyncio.to_thread(
            self._clock.advance, by, to=to, workers=workers, deliveries=deliveries, back=back
        )

    async def next(self, count: int = 1, *, workers: WaitsForWorkers = "wait") -> Moved:
        return await asyncio.to_thread(self._clock.next, count, workers=workers)

    async def idle(
        self, within: timedelta | str = "30d", *, workers: WaitsForWorkers = "wait"
    ) -> Moved:
        return await asyncio.to_thread(self._clock.idle, within, workers=workers)

    async def settle(self) -> Moved:
        return await asyncio.to_thread(self._clock.settle)

    async def outage(self, by: timedelta | str) -> Moved:
        return await asyncio.to_thread(self._clock.outage, by)

    async def freeze(self) -> None:
        await asyncio.to_thread(self._clock.freeze)

    async def run(self) -> None:
        await asyncio.to_thread(self._clock.run)

    async def tick(self, rate: float) -> None:
        await asyncio.to_thread(self._clock.tick, rate)

    def on_move(self, tell: Callable[[datetime], None]) -> None:
        self._clock.on_move(tell)


class _AsyncWorld(Generic[W]):
    def __init__(self, world: W) -> None:
        self._world = world

    @property
    def world(self) -> W:
        """The same, for code that may wait."""
        return self._world

    @property
    def clock(self) -> AsyncClock:
        return AsyncClock(self._world.clock)

    @property
    def url(self) -> str:
        return self._world.url

    @property
    def api_key(self) -> str:
        return self._world.api_key

    @property
    def admin_key(self) -> str | None:
        return self._world.admin_key

    @property
    def organization_id(self) -> str:
        return self._world.organization_id

    @property
    def grpc_address(self) -> str | None:
        return self._world.grpc_address

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._world.call, method, path, body)

    async def fork(
        self,
        name: str | None = None,
        *,
        at: datetime | str | None = None,
        keys: Sequence[Mapping[str, Any]] = (),
    ) -> "AsyncWorld":
        return AsyncWorld(await asyncio.to_thread(self._world.fork, name, at=at, keys=keys))

    async def reset(self) -> None:
        await asyncio.to_thread(self._world.reset)

    async def baseline(self) -> None:
        await asyncio.to_thread(self._world.baseline)

    async def close(self) -> None:
        await asyncio.to_thread(self._world.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncWorld(_AsyncWorld[World]):
    """See `World`."""


class AsyncServer(_AsyncWorld[Server]):
    """See `Server`."""

    def __init__(
        self,
        *,
        seed: int | None = None,
        at: datetime | str | None = None,
        clock: Literal["frozen", "real"] = "frozen",
        grpc: bool = False,
        database: str | None = None,
        process: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(
            Server(
                seed=seed,
                at=at,
                clock=clock,
                grpc=grpc,
                database=database,
                process=process,
                settings=settings,
            )
        )

    @classmethod
    def at(cls, url: str, api_key: str) -> Self:
        it = cls()
        it._world = Server.at(url, api_key)
        return it

    async def start(self) -> Self:
        await asyncio.to_thread(self._world.start)
        return self

    async def __aenter__(self) -> Self:
        return await self.start()
