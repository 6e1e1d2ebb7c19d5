"""How long the writing thread is held by the largest operations on graphs, without HTTP."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from benchmarks.bench import Bench
from benchmarks.seed import organization_of
from benchmarks.table import Bound, Row, spread
from spooled_lite.app import hooks
from spooled_lite.clock import SystemClock
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows.create import create_workflow
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.records import PARENTS_MAX, STEPS_MAX, NewStep, NewWorkflow
from spooled_lite.ids import Ids
from spooled_lite.storage.connection import open_writer
from spooled_lite.storage.transaction import Batch

CREATE: Final = Bound(150, 100, is_most=True, unit=" ms")  # design.md, section 3.1
RELEASE: Final = Bound(50, 20, is_most=True, unit=" ms")


class Took(Struct, frozen=True):
    ms: float
    cpu_ms: float  # less when others wanted the same core


Shape = Sequence[Sequence[int]]  # the parents of each step

SHAPES: Final[dict[str, Shape]] = {
    "a chain": [[n - 1] if n else [] for n in range(STEPS_MAX)],
    "all behind the first": [[0] if n else [] for n in range(STEPS_MAX)],
    "each behind the hundred before it": [
        list(range(max(0, n - PARENTS_MAX), n)) for n in range(STEPS_MAX)
    ],
    "all behind the same hundred": [
        list(range(PARENTS_MAX)) if n >= PARENTS_MAX else [] for n in range(STEPS_MAX)
    ],
}


def held(bench: Bench) -> list[Row]:
    bench.say("how long graphs hold the writing thread")
    thread = _Thread(bench.file("held"))
    try:
        took = {
            name: [_create(thread, shape) for _ in range(bench.scale.rounds)]
            for name, shape in SHAPES.items()
        }
        released = [_release(thread) for _ in range(bench.scale.rounds)]
    finally:
        thread.close()
    rows = [_row(f"create 1,000 steps, {name}", each, CREATE) for name, each in took.items()]
    return [*rows, _row("complete a job that 999 wait for", released, RELEASE)]


def _row(workload: str, took: Sequence[Took], bound: Bound) -> Row:
    return Row(
        workload=workload,
        figure="held",
        values=[each.ms for each in took],
        bound=bound,
        besides=f"{spread([each.cpu_ms for each in took])} ms of them at work",
    )


class _Thread:
    """What the writing thread does with one operation."""

    def __init__(self, path: Path) -> None:
        self._connection = open_writer(str(path), "full")
        self._hooks = hooks()
        self._ids = Ids()
        self.org = organization_of(self._connection)

    def run(self, operation: Callable[..., Any], *args: Any) -> tuple[Any, Took]:
        """Its result, and how long it took with everything but the commit."""
        batch = Batch(self._connection, self._hooks, self._ids)
        self._connection.execute("BEGIN IMMEDIATE")
        began, cpu_began = time.perf_counter(), time.thread_time()
        result = batch.run(SystemClock().now_ms(), operation, *args)
        batch.flush()
        took = time.perf_counter() - began, time.thread_time() - cpu_began
        self._connection.execute("COMMIT")
        return result, Took(took[0] * 1000, took[1] * 1000)

    def close(self) -> None:
        self._connection.close()


def _create(thread: _Thread, shape: Shape, queue_name: str = "held") -> Took:
    job = NewJob(queue_name=queue_name, payload=b'{"a":1}')
    steps = [
        NewStep(key=f"s{n}", job=job, depends_on=[f"s{parent}" for parent in parents])
        for n, parents in enumerate(shape)
    ]
    new = NewWorkflow(name="held", steps=steps)
    return thread.run(create_workflow, thread.org, new, graph_of(steps), Admission())[1]


def _release(thread: _Thread) -> Took:
    queue_name = f"q{time.time_ns()}"
    _create(thread, SHAPES["all behind the first"], queue_name)
    wanted = Claim(queue_name=queue_name, worker_id="w", limit=1, lease_ms=30_000)
    [job] = thread.run(claim, thread.org, wanted)[0]
    holder = Claimant(lease_id=job["lease_id"])
    return thread.run(complete, thread.org, job["id"], holder, None, ALL_QUEUES)[1]
