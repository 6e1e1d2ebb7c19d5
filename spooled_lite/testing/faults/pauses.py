"""Waits in real time that end with the world, or with whoever is kept waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from spooled_lite.testing.faults.rules import Faults


class Delayed(Protocol):
    """A call over HTTP or gRPC: its handler gets the time that a fault takes."""

    deadline: float


async def pause(faults: Faults, milliseconds: int, call: Delayed | None = None) -> None:
    """Wait, or until the world ends."""
    if not milliseconds:
        return
    if call is not None:
        call.deadline += milliseconds / 1000
    with suppress(TimeoutError):
        await asyncio.wait_for(faults.over.wait(), milliseconds / 1000)


async def hang(
    faults: Faults, milliseconds: int, call: Delayed, until_gone: Callable[[], Awaitable[None]]
) -> None:
    """As `pause`, and no longer than the client is there."""
    waits = asyncio.create_task(pause(faults, milliseconds, call), name="fault hangs")
    left = asyncio.ensure_future(until_gone())
    try:
        await asyncio.wait((waits, left), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waits, left):
            task.cancel()
        await asyncio.gather(waits, left, return_exceptions=True)
