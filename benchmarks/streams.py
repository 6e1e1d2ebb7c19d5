"""What event streams cost when nothing happens, and how late events are when much does."""

import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Final

import msgspec

from benchmarks.bench import WARM_UP_SECONDS, Bench
from benchmarks.listener import Heard, open_stream
from benchmarks.rates import CLAIMS_PER_SECOND_MAX, REST_SECONDS, lay_out
from benchmarks.server import ROOT, Server, cpu_seconds, resident_mib
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, spread
from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.shapes import enqueue, work

STREAMS: Final = 1_000
SETTLE_SECONDS: Final = 2.0  # from the last stream on
LISTENS_LONGER_SECONDS: Final = 1.0  # than the load runs


def streams(bench: Bench) -> list[Row]:
    return [*_idle(bench), *_late(bench)]


def _idle(bench: Bench) -> list[Row]:
    """Each gets its health every ten seconds, as any open stream does."""
    bench.say(f"{STREAMS:,} idle event streams")
    with bench.spooled_lite("streams") as ours, ExitStack() as opened:
        run_load(ours.target, enqueue(QUEUE), seconds=WARM_UP_SECONDS)
        opened.enter_context(open_stream(ours.target, "/api/v1/events"))
        time.sleep(SETTLE_SECONDS)
        before_mib = resident_mib(ours.pid)
        for _ in range(STREAMS - 1):
            opened.enter_context(open_stream(ours.target, "/api/v1/events"))
        time.sleep(SETTLE_SECONDS)
        before, began = cpu_seconds(ours.pid), time.perf_counter()
        time.sleep(bench.scale.idle_seconds)
        share = (cpu_seconds(ours.pid) - before) / (time.perf_counter() - began)
        more_mib = resident_mib(ours.pid) - before_mib
    workload = f"{STREAMS:,} idle event streams"
    return [
        Row(
            workload=workload,
            figure="resident, more than with one",
            values=[more_mib],
            bound=Bound(20, 12, is_most=True, unit=" MiB"),
        ),
        Row(
            workload=workload,
            figure="of one core",
            values=[share * 100],
            bound=Bound(3, 1, is_most=True, unit=" %"),
        ),
    ]


def _late(bench: Bench) -> list[Row]:
    bench.say("events under the load of claim + complete")
    heard: list[Heard] = []
    rates: list[float] = []
    with bench.spooled_lite("streams-late") as ours:
        for _ in range(bench.scale.rounds):
            lay_out(ours, int(bench.scale.seconds * CLAIMS_PER_SECOND_MAX))
            time.sleep(REST_SECONDS)
            heard.append(_heard_under_load(bench, ours, rates))
    frames = sum(each.frame_count for each in heard)
    besides = f"{frames:,} frames at {spread(rates)} requests/s, "
    besides += f"p50 {spread([each.p50_ms for each in heard])} ms"
    return [
        Row(
            workload="event of a claim or completion, seen by a stream",
            figure="p99 from the operation on, its commit included",
            values=[each.p99_ms for each in heard],
            bound=Bound(50, 25, is_most=True, unit=" ms"),
            besides=besides,
        )
    ]


def _heard_under_load(bench: Bench, server: Server, rates: list[float]) -> Heard:
    seconds = bench.scale.seconds
    target = server.target
    arguments = [target.url, target.api_key, str(seconds + LISTENS_LONGER_SECONDS)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.listener", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        process.stdout.readline()  # it listens
        rates.append(run_load(target, work(QUEUE), seconds=seconds).per_second)
        return msgspec.json.decode(process.stdout.readline(), type=Heard)
