"""One run of a world, from its start to its end, in a task of its own."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context

from spooled_lite.testing.world import World


class Life:
    """`world` is there once it has begun."""

    world: World

    def __init__(
        self,
        start: Callable[[], AbstractAsyncContextManager[World]],
        at_once: asyncio.Event | None,
    ) -> None:
        """`at_once` ends its waits for webhook calls: whoever ends a fork wants it gone."""
        self.is_over = False
        self._start = start
        self._at_once = at_once
        self._stop = asyncio.Event()
        self._started: asyncio.Future[World] = asyncio.get_running_loop().create_future()
        # In a context of its own: what it logs is not of the call that has made it.
        self._task = asyncio.create_task(self._run(), name="world", context=Context())

    async def begun(self) -> None:
        """Raises: what its start has raised."""
        try:
            self.world = await asyncio.shield(self._started)
        except asyncio.CancelledError:
            self._stop.set()  # nobody wants it any more
            raise

    def end(self) -> None:
        """Begin its end: streams and waiting calls are answered."""
        self.is_over = True
        self.world.app.begin_stop()
        if self._at_once is not None:
            self._at_once.set()
        self._stop.set()

    async def ended(self) -> None:
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            async with self._start() as it:
                self._started.set_result(it)
                await self._stop.wait()
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)
