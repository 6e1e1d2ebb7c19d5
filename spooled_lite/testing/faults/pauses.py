"""Waits in real time that end with the world, or with whoever is kept waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

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


async def silence(
    faults: Faults, seconds: float, until_gone: Callable[[], Awaitable[None]] | None = None
) -> bool:
    """Wait so long; False at once when the world ends, or the client is gone."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(faults.over.wait())]
    if until_gone is not None:
        tasks.append(asyncio.ensure_future(until_gone()))
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return not done


async def hang(
    faults: Faults, milliseconds: int, call: Delayed, until_gone: Callable[[], Awaitable[None]]
) -> None:
    """As `pause`, and no longer than the client is there."""
    call.deadline += milliseconds / 1000
    await silence(faults, milliseconds / 1000, until_gone)
