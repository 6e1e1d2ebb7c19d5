"""What test mode costs: a server in the process of the tests, and a world for each test."""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.server import environment, resident_mib
from benchmarks.table import Bound, Row
from spooled_lite.testing import Server, World

FORKS: Final = 50  # of each kind, one after another
WORLDS: Final = 200  # at a time
JOBS: Final = 1_000  # in the world that is forked
BULK: Final = 100
QUEUE: Final = "emails"
MILLISECONDS: Final = Bound(20, 5, is_most=True, unit=" ms")
# A week of backoff is seven attempts at most; each fails at once.
BACKOFF: Final = {
    "backoff_base_seconds": 3600, "backoff_multiplier": 3, "backoff_max_seconds": 400_000,
}  # fmt: skip
RETRIES: Final = 7
IMPORTS: Final = 5
IMPORT: Final = "import time; t = time.process_time(); {}; print(time.process_time() - t)"


def worlds(bench: Bench) -> list[Row]:
    bench.say("test mode")
    starts, whole = [], _import_ms("import spooled_lite.testing.public.thread")
    with Server(seed=1):
        pass  # what is imported once
    for _ in range(bench.scale.starts):
        began = time.perf_counter()
        with Server(seed=1):
            starts.append((time.perf_counter() - began) * 1000)
    with Server(seed=1) as server:
        empty = _median_ms(server.fork, FORKS)
        resets = _median_ms(server.reset, FORKS)
        body = {"jobs": [{"payload": {}} for _ in range(BULK)], "queue_name": QUEUE}
        for _ in range(JOBS // BULK):
            server.call("POST", "/jobs/bulk", body)
        full = _median_ms(server.fork, FORKS)
    return [
        Row(
            workload="test mode, start in process", figure="until it answers",
            values=starts, bound=Bound(200, 60, is_most=True, unit=" ms"),
        ),
        Row(
            workload="test mode, import", figure="of the public names, processor time",
            values=_import_ms("from spooled_lite.testing import Server"),
            bound=Bound(400, 200, is_most=True, unit=" ms"),
            besides=f"{statistics.median(whole):.0f} ms for a whole server, once",
        ),
        Row(
            workload="fork", figure="median, over HTTP", values=[empty], bound=MILLISECONDS,
            besides=f"{full:.1f} ms with {JOBS:,} jobs",
        ),
        Row(workload="reset", figure="median, over HTTP", values=[resets], bound=MILLISECONDS),
        *_memory(),
        _ladder(),
    ]  # fmt: skip


def _memory() -> list[Row]:
    with Server(seed=1) as server:
        server.fork("warm").close()
        before = resident_mib(os.getpid())
        forks = [server.fork() for _ in range(WORLDS)]
        held = resident_mib(os.getpid())
        for fork in forks:
            fork.close()
    gc.collect()  # worlds that are gone are circles of objects
    after = resident_mib(os.getpid())
    return [
        Row(
            workload=f"{WORLDS} worlds", figure="resident, beside the server",
            values=[held - before], bound=Bound(400, 200, is_most=True, unit=" MiB"),
            besides=f"{after - before:.0f} MiB more than before when they are gone",
        )
    ]  # fmt: skip


def _ladder() -> Row:
    milliseconds = []
    with Server(seed=1) as server:
        for _ in range(5):
            with server.fork() as world:
                world.call("PUT", f"/queues/{QUEUE}/config", BACKOFF)
                job = {"queue_name": QUEUE, "payload": {}, "max_retries": RETRIES}
                world.call("POST", "/jobs", job)
                milliseconds.append(_seven_retries(world) * 1000)
    return Row(
        workload="7 retries in 14 days", figure="with a claim and a failure each",
        values=milliseconds, bound=Bound(400, 100, is_most=True, unit=" ms"),
    )  # fmt: skip


def _seven_retries(world: World) -> float:
    began = time.perf_counter()
    for _ in range(RETRIES):
        [job] = world.call("POST", "/jobs/claim", {"queue_name": QUEUE, "worker_id": "w"})["jobs"]
        failure = {"worker_id": "w", "lease_id": job["lease_id"], "error": "declined"}
        world.call("POST", f"/jobs/{job['id']}/fail", failure)
        world.clock.next()
    return time.perf_counter() - began


def _median_ms(act: Callable[[], Any], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _import_ms(statement: str) -> list[float]:
    taken = []
    for _ in range(1 + IMPORTS):
        told = subprocess.run(
            [sys.executable, "-c", IMPORT.format(statement)],
            check=True, capture_output=True, text=True, env=environment(),
        )  # fmt: skip
        taken.append(float(told.stdout) * 1000)
    return taken[1:]  # the first one compiles
