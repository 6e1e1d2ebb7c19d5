"""Stops handlers that take too long. All requests share one timer."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from spooled_lite.errors import RequestTimeout

T = TypeVar("T")

HANDLER_SECONDS_MAX: Final = 30.0
SWEEP_SECONDS: Final = 1.0  # how often deadlines are checked, and so how late one is noticed


class Limited(Protocol):
    """A call over HTTP or gRPC."""

    deadline: float  # on the clock of the event loop


class TimeLimit:
    """The time limit of all handlers. Use it from one event loop."""

    def __init__(
        self, seconds_max: float = HANDLER_SECONDS_MAX, *, sweep_seconds: float = SWEEP_SECONDS
    ) -> None:
        self._seconds_max = seconds_max
        self._sweep_seconds = sweep_seconds
        self._running: dict[Limited, asyncio.Task[object]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def within(self, call: Limited, work: Awaitable[T]) -> T:
        """The result of the work.

        Raises:
            RequestTimeout: it took too long. A write that it had asked for may still be done.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None, "a request is served by a task"
        call.deadline = loop.time() + self._seconds_max
        self._running[call] = task
        if self._timer is None:
            self._timer = loop.call_later(self._sweep_seconds, self._sweep)
        try:
            return await work
        except asyncio.CancelledError:
            if call in self._running or task.uncancel() > 0:
                raise  # the task was cancelled by something else
            raise RequestTimeout(
                f"The request took longer than {self._seconds_max:g} seconds"
            ) from None
        finally:
            self._running.pop(call, None)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for call, task in list(self._running.items()):
            if call.deadline <= now:
                # `within` sees from the missing entry that the time limit cancelled the task.
                del self._running[call]
                task.cancel()
        self._timer = loop.call_later(self._sweep_seconds, self._sweep) if self._running else None
