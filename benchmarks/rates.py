"""Workloads that ask how many requests or jobs a second."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from benchmarks.bench import WARM_UP_SECONDS, Bench
from benchmarks.raw import Stored
from benchmarks.server import Server
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import (
    BULK_JOBS,
    Load,
    Measured,
    bulk,
    enqueue,
    work,
)

CLAIMS_PER_SECOND_MAX: Final = 6_000  # so many jobs are laid out for a second of claims
REST_SECONDS: Final = 0.5  # after jobs were laid out, for what is done when nobody asks


def enqueue_one(bench: Bench) -> list[Row]:
    bounds = {"bare": Bound(0.30, 0.5), "null": Bound(0.45, 0.65)}
    return _against(bench, "enqueue, one request per job", enqueue(QUEUE), bounds)


def claim_and_complete(bench: Bench) -> list[Row]:
    bounds = {"bare": Bound(0.25, 0.45), "null": Bound(0.35, 0.6)}
    return _against(bench, "claim one + complete one", work(QUEUE), bounds, lays_out=True)


def enqueue_bulks(bench: Bench) -> list[Row]:
    bench.say("enqueue in bulks of 100")
    raw_file = str(bench.folder / "raw.db")
    with bench.spooled_lite("bulks") as ours:
        load, seconds = bulk(QUEUE), bench.scale.seconds
        run_load(ours.target, load, seconds=WARM_UP_SECONDS)

        def raw_per_second() -> float:
            printed = bench.module("benchmarks.raw", raw_file, str(seconds))
            return msgspec.json.decode(printed, type=Stored).per_second

        def our_per_second() -> float:
            return run_load(ours.target, load, seconds=seconds).per_second * BULK_JOBS

        rates = bench.turn_about({"ours": our_per_second, "raw": raw_per_second})
    besides = f"{spread(rates['ours'])} jobs/s against {spread(rates['raw'])}"
    return [
        Row(
            workload="enqueue in bulks of 100, jobs",
            figure="of raw",
            values=ratios(rates["ours"], rates["raw"]),
            bound=Bound(0.5, 0.8),
            besides=besides,
        )
    ]


def _against(
    bench: Bench, workload: str, load: Load, bounds: dict[str, Bound], *, lays_out: bool = False
) -> list[Row]:
    """Ours against the baselines that answer the same requests."""
    bench.say(workload)
    with (
        bench.spooled_lite("rates") as ours,
        bench.baseline("bare") as bare,
        bench.baseline("null") as null,
    ):
        measures: dict[str, Callable[[], Measured]] = {
            "ours": partial(_run, bench, ours, load, lays_out=lays_out),
            "bare": partial(_run, bench, bare, load),
            "null": partial(_run, bench, null, load),
        }
        for each in (ours, bare, null):
            # With jobs to claim in ours already, or with none: either way the code is warm.
            run_load(each.target, load, seconds=WARM_UP_SECONDS)
        results = bench.turn_about(measures)
    ours_per_second = [each.per_second for each in results["ours"]]
    return [
        Row(
            workload=workload,
            figure=f"of {name}",
            values=ratios(ours_per_second, [each.per_second for each in results[name]]),
            bound=bound,
            besides=f"{_said(results['ours'])} against {_said(results[name])}",
        )
        for name, bound in bounds.items()
    ]


def _run(bench: Bench, server: Server, load: Load, *, lays_out: bool = False) -> Measured:
    seconds = bench.scale.seconds
    if lays_out:
        lay_out(server, int(seconds * CLAIMS_PER_SECOND_MAX))
        time.sleep(REST_SECONDS)
    measured = run_load(server.target, load, seconds=seconds)
    assert not measured.failed_count, f"{measured.failed_count} requests failed"
    assert not measured.empty_count, f"{measured.empty_count} claims found nothing"
    return measured


def lay_out(server: Server, job_count: int) -> None:
    """Have so many more jobs wait to be claimed."""
    load = msgspec.json.decode(bulk(QUEUE).body)
    with KeptConnection(server.target) as line:
        for _ in range(0, job_count, BULK_JOBS):
            line.post("/api/v1/jobs/bulk", load)


def _said(results: Sequence[Measured]) -> str:
    per_second = spread([each.per_second for each in results])
    return f"{per_second}/s p50 {spread([each.p50_ms for each in results])} ms"
