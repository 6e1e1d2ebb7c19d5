"""Runs the loops, survives their errors, stops them in order."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from msgspec import Struct

from spooled_lite.background.deadlines import Deadlines
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.errors import Unavailable
from spooled_lite.events import Deadline
from spooled_lite.metrics import Metrics
from spooled_lite.spans import SPAN, Tracer
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Tx

logger = logging.getLogger(__name__)

ERROR_PAUSE_SECONDS: Final = 1.0


class Loop(Struct, frozen=True):
    """Something that happens without a request: an operation, and the deadline it waits for."""

    name: str
    deadline: Deadline
    run_once: Callable[[Tx], Pass]

    async def run(self, database: Database) -> Pass:
        return await database.write(self.run_once)


class AsyncLoop(Struct, frozen=True):
    """A loop whose pass also works outside a transaction: it computes, or calls other servers."""

    name: str
    deadline: Deadline
    run_once: Callable[[Database], Coroutine[Any, Any, Pass]]

    async def run(self, database: Database) -> Pass:
        return await self.run_once(database)


# Runs the loops of an application until the event is set: `run_loops`, or what moves time in tests.
Supervise = Callable[
    [Database, Deadlines, Sequence[Loop | AsyncLoop], asyncio.Event, Metrics],
    Coroutine[Any, Any, None],
]


async def run_loops(
    database: Database,
    deadlines: Deadlines,
    loops: Sequence[Loop | AsyncLoop],
    stop: asyncio.Event,
    metrics: Metrics | None = None,
    tracer: Tracer | None = None,
) -> None:
    """Run every loop until `stop`. A pass that has begun is finished, never cancelled.

    `tracer` is told of passes that did something.
    """
    metrics = metrics or Metrics()
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            work = _run_loop(database, deadlines, loop, stop, metrics, tracer)
            group.create_task(work, name=loop.name)


async def _run_loop(
    database: Database,
    deadlines: Deadlines,
    loop: Loop | AsyncLoop,
    stop: asyncio.Event,
    metrics: Metrics,
    tracer: Tracer | None,
) -> None:
    while not stop.is_set():
        deadlines.begin(loop.deadline)
        try:
            done = await (loop.run(database) if tracer is None else _traced(loop, database, tracer))
        except Unavailable as error:
            # The storage has logged why; the pass is tried again until it is available.
            logger.debug("%s: %s", loop.name, error)
            deadlines.failed(loop.deadline)
            await _sleep_unless(stop, seconds=ERROR_PAUSE_SECONDS)
            continue
        except Exception:
            # The pass is tried again later: one bad row must not end the loop.
            logger.exception("%s: pass failed", loop.name)
            deadlines.failed(loop.deadline)
            await _sleep_unless(stop, seconds=ERROR_PAUSE_SECONDS)
            continue
        metrics.passed(loop.name, done.done)
        await deadlines.wait_until(loop.deadline, done.due_again_ms, stop)


async def _traced(loop: Loop | AsyncLoop, database: Database, tracer: Tracer) -> Pass:
    """One pass, as a span if it did something."""
    span = tracer.begin("internal")
    SPAN.set(span)
    try:
        done = await loop.run(database)
        if span is not None and done.done:
            span.end(f"pass {loop.name}", {"spooled.rows": done.done})
        return done
    except Exception:
        if span is not None:
            span.end(f"pass {loop.name}", {}, is_failure=True)
        raise
    finally:
        SPAN.set(None)


async def _sleep_unless(stop: asyncio.Event, *, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
