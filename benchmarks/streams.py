"""What event streams cost when nothing happens, and how late events are when much does."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Final

import msgspec

from benchmarks.bench import WARM_UP_SECONDS, Bench
from benchmarks.crowd import Crowd
from benchmarks.listener import Heard, open_stream
from benchmarks.rates import CLAIMS_PER_SECOND_MAX, REST_SECONDS, lay_out
from benchmarks.server import ROOT, Server, cpu_seconds, resident_mib
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.shapes import enqueue, work

STREAMS: Final = 1_000
SETTLE_SECONDS: Final = 2.0  # from the last stream on
LISTENS_LONGER_SECONDS: Final = 1.0  # than the load runs


def streams(bench: Bench) -> list[Row]:
    return [*_idle(bench), *_late(bench), *_crowded(bench)]


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
            _lay_out(bench, ours)
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


def _crowded(bench: Bench) -> list[Row]:
    """Every stream gets every event: four frames of some 350 bytes for each job."""
    bench.say(f"{STREAMS:,} streams that hear everything, under the load of claim + complete")
    crowds: list[Crowd] = []
    rates: list[float] = []
    with bench.spooled_lite("streams-crowded") as ours:

        def alone() -> float:
            _lay_out(bench, ours)
            return _milliseconds_each(ours, bench.scale.seconds)[0]

        def crowded() -> float:
            _lay_out(bench, ours)
            with _listening(bench, ours, "benchmarks.crowd", str(STREAMS)) as said:
                milliseconds, per_second = _milliseconds_each(ours, bench.scale.seconds)
                crowds.append(msgspec.json.decode(said.readline(), type=Crowd))
            rates.append(per_second)
            return milliseconds

        costs = bench.turn_about({"alone": alone, "crowded": crowded})
    besides = f"{spread(costs['crowded'])} ms at {spread(rates)} requests/s"
    besides += f", {sum(each.megabytes for each in crowds):,.0f} MB"
    besides += f", events p50 {spread([each.p50_ms for each in crowds])} ms"
    besides += f" p99 {spread([each.p99_ms for each in crowds])} ms"
    workload = f"claim + complete while {STREAMS:,} streams hear everything"
    return [
        Row(
            workload=workload,
            figure="processor time of a request, of that without streams",
            values=ratios(costs["crowded"], costs["alone"]),
            bound=Bound(8, 4, is_most=True),
            besides=besides,
        ),
        Row(
            workload=workload,
            figure="streams that were ended as too slow",
            values=[float(each.ended_count) for each in crowds],
            bound=Bound(0, 0, is_most=True),
        ),
    ]


def _heard_under_load(bench: Bench, server: Server, rates: list[float]) -> Heard:
    with _listening(bench, server, "benchmarks.listener") as said:
        rates.append(run_load(server.target, work(QUEUE), seconds=bench.scale.seconds).per_second)
        return msgspec.json.decode(said.readline(), type=Heard)


def _lay_out(bench: Bench, server: Server) -> None:
    lay_out(server, int(bench.scale.seconds * CLAIMS_PER_SECOND_MAX))
    time.sleep(REST_SECONDS)


def _milliseconds_each(server: Server, seconds: float) -> tuple[float, float]:
    """Processor time of the server for a request, and how many there were in a second."""
    before = cpu_seconds(server.pid)
    measured = run_load(server.target, work(QUEUE), seconds=seconds)
    used = cpu_seconds(server.pid) - before
    return used * 1000 / measured.request_count, measured.per_second


@contextmanager
def _listening(bench: Bench, server: Server, module: str, *more: str) -> Iterator[IO[bytes]]:
    """A process that listens as long as a load runs; what it says afterwards."""
    target = server.target
    seconds = bench.scale.seconds + LISTENS_LONGER_SECONDS
    arguments = [target.url, target.api_key, *more, str(seconds)]
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        process.stdout.readline()  # it listens
        yield process.stdout
