"""Workloads that ask what it costs to start, and to be there."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.seed import Contents
from benchmarks.server import cpu_seconds, resident_mib, spooled_lite
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.serial import WAIT_MS, KeptConnection
from spooled_lite.cli.load.shapes import BULK_JOBS, PAYLOAD, LoadTarget, bulk, claim

WAITING_CLAIMS: Final = 100
SETTLE_SECONDS: Final = 2.0  # from the last request until nothing is left to do
WARM_SHARE: Final = 0.2  # of the jobs, after which caches are as full as they get
GROWTH_MIB: Final = 5.0  # what counts as none: the allocator's grain


def cold_start(bench: Bench) -> list[Row]:
    bench.say("cold start to the first accepted job")
    bench.file("start-empty")
    bench.file("start-many", Contents(finished=bench.scale.jobs))
    seconds: dict[str, list[float]] = {"new": [], "empty": [], "many": []}
    for number in range(bench.scale.starts):
        seconds["new"].append(_start_seconds(bench, bench.folder / f"start-new-{number}.db"))
        seconds["empty"].append(_start_seconds(bench, bench.file("start-empty")))
        seconds["many"].append(_start_seconds(bench, bench.file("start-many")))
    bound = Bound(1.0, 0.4, is_most=True, unit=" s")
    named = {
        "new": "cold start, the file is made",
        "empty": "cold start, empty file",
        "many": f"cold start, {bench.scale.jobs:,} jobs",
    }
    besides = f"{spread(ratios(seconds['many'], seconds['empty']))} times the empty file's"
    return [
        Row(
            workload=workload,
            figure="process start to 201",
            values=seconds[name],
            bound=bound,
            besides=besides if name == "many" else "",
        )
        for name, workload in named.items()
    ]


def memory(bench: Bench) -> list[Row]:
    bench.say("memory")
    jobs = bench.scale.jobs
    with bench.spooled_lite("memory") as ours:
        time.sleep(SETTLE_SECONDS)
        after_start = resident_mib(ours.pid)
        _put_through(ours.target, int(jobs * WARM_SHARE))
        warm = resident_mib(ours.pid)
        _put_through(ours.target, jobs - int(jobs * WARM_SHARE))
        after_jobs = resident_mib(ours.pid)
    with bench.spooled_lite("start-many", Contents(finished=jobs)) as full:
        time.sleep(SETTLE_SECONDS)
        full_start = resident_mib(full.pid)
    size = Bound(90, 60, is_most=True, unit=" MiB")
    growth = Bound(GROWTH_MIB, GROWTH_MIB, is_most=True, unit=" MiB")
    return [
        Row(workload="memory after start", figure="resident", values=[after_start], bound=size),
        Row(
            workload=f"memory after start, {jobs:,} jobs in the file",
            figure="resident",
            values=[full_start],
            bound=size,
        ),
        Row(
            workload=f"memory after {jobs:,} jobs in bulks",
            figure=f"more than after the first {int(jobs * WARM_SHARE):,}",
            values=[after_jobs - warm],
            bound=growth,
            besides=f"{number_mib(warm)}, then {number_mib(after_jobs)}",
        ),
    ]


def idle(bench: Bench) -> list[Row]:
    bench.say("idle with waiting claims")
    seconds = min(bench.scale.idle_seconds, WAIT_MS / 1000 - 2 * SETTLE_SECONDS)
    with bench.spooled_lite("idle") as ours, ExitStack() as lines:
        for _ in range(WAITING_CLAIMS):
            line = lines.enter_context(KeptConnection(ours.target))
            line.send("/api/v1/jobs/claim", claim(QUEUE, wait_ms=WAIT_MS))
        time.sleep(SETTLE_SECONDS)
        before, began = cpu_seconds(ours.pid), time.perf_counter()
        time.sleep(seconds)
        share = (cpu_seconds(ours.pid) - before) / (time.perf_counter() - began)
    return [
        Row(
            workload=f"idle, {WAITING_CLAIMS} waiting claims",
            figure="of one core",
            values=[share * 100],
            bound=Bound(0.5, 0.2, is_most=True, unit=" %"),
            besides="without event streams: there are none yet",
        )
    ]


def number_mib(value: float) -> str:
    return f"{value:.1f} MiB"


def _start_seconds(bench: Bench, database: Path) -> float:
    with spooled_lite(bench.folder, database) as server, KeptConnection(server.target) as line:
        line.post("/api/v1/jobs", {"queue_name": QUEUE, "payload": PAYLOAD})
        return time.perf_counter() - server.started_at


def _put_through(target: LoadTarget, job_count: int) -> None:
    """Store so many jobs in bulks, over all connections, then let the server rest."""
    stored = 0
    while stored < job_count:
        measured = run_load(target, bulk(QUEUE), seconds=2)
        assert not measured.failed_count, f"{measured.failed_count} requests failed"
        stored += measured.request_count * BULK_JOBS
    time.sleep(SETTLE_SECONDS)
