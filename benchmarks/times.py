"""Workloads that ask how long one request takes."""

from typing import Final

from benchmarks.bench import Bench
from benchmarks.rates import lay_out
from benchmarks.seed import Contents
from benchmarks.server import Server
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.serial import KeptConnection, claim_ms, delivery_ms
from spooled_lite.cli.load.shapes import quantile

WARM_UP_SAMPLES: Final = 20


def waiting_claim(bench: Bench) -> list[Row]:
    bench.say("waiting claim")
    with (
        bench.spooled_lite("waiting") as ours,
        KeptConnection(ours.target) as worker,
        KeptConnection(ours.target) as producer,
    ):
        for _ in range(WARM_UP_SAMPLES):
            delivery_ms(worker, producer, QUEUE)
        times_ms = [delivery_ms(worker, producer, QUEUE) for _ in range(bench.scale.samples)]
    besides = f"p50 {quantile(times_ms, 0.5):.2f} ms, most {max(times_ms):.2f} ms"
    return [
        Row(
            workload="waiting claim, enqueue to delivery",
            figure=f"p99 of {len(times_ms)}",
            values=[quantile(times_ms, 0.99)],
            bound=Bound(10, 3, is_most=True, unit=" ms"),
            besides=besides,
        )
    ]


def flat_claims(bench: Bench) -> list[Row]:
    scale = bench.scale
    full = Contents(finished=scale.finished, delayed=scale.waiting, retrying=scale.waiting)
    bench.say("claim with and without a past")
    with (
        bench.spooled_lite("without-past") as without,
        bench.spooled_lite("with-past", full) as with_past,
    ):
        for each in (without, with_past):
            lay_out(each, scale.samples * (scale.rounds + 1))
            _claim_p50_ms(each, scale.samples)
        p50s = bench.turn_about(
            {
                "without": lambda: _claim_p50_ms(without, scale.samples),
                "with": lambda: _claim_p50_ms(with_past, scale.samples),
            }
        )
    contents = f"{full.finished:,} finished, {full.delayed:,} delayed, {full.retrying:,} retrying"
    return [
        Row(
            workload=f"claim p50 with {contents}",
            figure="of the time with none",
            values=ratios(p50s["with"], p50s["without"]),
            bound=Bound(1.5, 1.1, is_most=True),
            besides=f"{spread(p50s['with'])} ms against {spread(p50s['without'])} ms",
        )
    ]


def _claim_p50_ms(server: Server, samples: int) -> float:
    with KeptConnection(server.target) as line:
        return quantile([claim_ms(line, QUEUE) for _ in range(samples)], 0.5)
