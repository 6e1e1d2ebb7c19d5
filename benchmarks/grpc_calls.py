"""Workloads over gRPC, each against an empty service of the same library."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import msgspec

from benchmarks.bench import WARM_UP_SECONDS, Bench
from benchmarks.grpc_load import WAITING, Rate
from benchmarks.rates import CLAIMS_PER_SECOND_MAX, lay_out
from benchmarks.server import Server, cpu_seconds
from benchmarks.serving import QUEUE
from benchmarks.standing import SETTLE_SECONDS
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import quantile, work

T = TypeVar("T")

DELIVERY_MS_MAX: Final = 5.0


def grpc(bench: Bench) -> list[Row]:
    bench.say("gRPC")
    with (
        bench.spooled_lite("grpc", serves_grpc=True) as ours,
        bench.baseline("empty_grpc") as empty,
    ):
        return [
            _enqueue(bench, ours, empty),
            *_process(bench, ours, empty),
            _deliver(bench, ours),
            _idle(bench, ours),
        ]


def _enqueue(bench: Bench, ours: Server, empty: Server) -> Row:
    rates = _against(bench, ("enqueue", ours), ("enqueue", empty))
    return Row(
        workload="gRPC: enqueue, one call per job, 64 at a time",
        figure="of an empty service",
        values=ratios(_per_second(rates["ours"]), _per_second(rates["empty"])),
        bound=Bound(0.4, 0.4),
        besides=f"{_said(rates['ours'])} against {_said(rates['empty'])} calls/s",
    )


def _process(bench: Bench, ours: Server, empty: Server) -> list[Row]:
    rest: list[float] = []

    def over_rest() -> None:
        lay_out(ours, int(bench.scale.seconds * CLAIMS_PER_SECOND_MAX))
        measured = run_load(ours.target, work(QUEUE), seconds=bench.scale.seconds)
        rest.append(measured.per_second / 2)  # a job is two requests

    rates = _against(bench, ("process", ours), ("echo", empty), besides=over_rest, lays_out=True)
    jobs = [each.jobs_per_second for each in rates["ours"]]
    return [
        Row(
            workload="gRPC: ProcessJobs, 64 jobs in flight",
            figure="of an empty echo, in messages",
            values=ratios(_per_second(rates["ours"]), _per_second(rates["empty"])),
            bound=Bound(0.5, 0.5),
            besides=f"{_said(rates['ours'])} against {_said(rates['empty'])} messages/s",
        ),
        Row(
            workload="gRPC: ProcessJobs, 64 jobs in flight",
            figure="of claim + complete over REST, in jobs",
            values=ratios(jobs, rest),
            besides=f"{spread(jobs)} against {spread(rest)} jobs/s",
        ),
    ]


def _deliver(bench: Bench, ours: Server) -> Row:
    _drain(ours)
    times_ms = _run(bench, "deliveries", ours, bench.scale.samples, list[float])
    besides = f"p50 {quantile(times_ms, 0.5):.2f} ms, most {max(times_ms):.2f} ms"
    return Row(
        workload="gRPC: StreamJobs, enqueue to delivery, idle server",
        figure=f"p99 of {len(times_ms)}",
        values=[quantile(times_ms, 0.99)],
        bound=Bound(DELIVERY_MS_MAX, DELIVERY_MS_MAX, is_most=True, unit=" ms"),
        besides=besides,
    )


def _idle(bench: Bench, server: Server) -> Row:
    seconds = bench.scale.idle_seconds
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_run, bench, "wait", server, seconds + 3 * SETTLE_SECONDS, type(None))
        time.sleep(2 * SETTLE_SECONDS)
        before, began = cpu_seconds(server.pid), time.perf_counter()
        time.sleep(seconds)
        share = (cpu_seconds(server.pid) - before) / (time.perf_counter() - began)
        waiting.result()
    return Row(
        workload=f"gRPC: idle, {WAITING} StreamJobs and {WAITING} ProcessJobs",
        figure="of one core",
        values=[share * 100],
        bound=Bound(0.5, 0.2, is_most=True, unit=" %"),
    )


def _drain(server: Server) -> None:
    """Have nothing wait: what is measured is the way of one job."""
    with KeptConnection(server.target) as line:
        line.post(f"/api/v1/queues/{QUEUE}/purge", {})


def _against(
    bench: Bench,
    ours: tuple[str, Server],
    empty: tuple[str, Server],
    *,
    besides: Callable[[], None] = lambda: None,
    lays_out: bool = False,
) -> dict[str, list[Rate]]:
    def measure(kind: str, server: Server, seconds: float) -> Rate:
        if lays_out and server is ours[1]:
            lay_out(server, int(seconds * CLAIMS_PER_SECOND_MAX))
        return _run(bench, kind, server, seconds, Rate)

    for kind, server in (ours, empty):
        measure(kind, server, WARM_UP_SECONDS)

    def measure_ours() -> Rate:
        besides()
        return measure(*ours, bench.scale.seconds)

    return bench.turn_about(
        {"ours": measure_ours, "empty": partial(measure, *empty, bench.scale.seconds)}
    )


def _run(bench: Bench, kind: str, server: Server, seconds: float, answer: type[T]) -> T:
    address = server.grpc_address or server.target.url
    key = server.target.api_key
    printed = bench.module("benchmarks.grpc_load", kind, address, key, str(seconds))
    return msgspec.json.decode(printed, type=answer)


def _per_second(rates: list[Rate]) -> list[float]:
    return [each.per_second for each in rates]


def _said(rates: list[Rate]) -> str:
    return spread(_per_second(rates))
