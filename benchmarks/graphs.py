"""Workloads that ask what a graph costs: its steps against as many jobs that wait for nothing."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct

from benchmarks.bench import Bench
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import BULK_JOBS, PAYLOAD, LoadTarget, claim

STEPS: Final = 1_000  # as many as a workflow may have
POLL_SECONDS: Final = 0.001  # before a worker that found nothing asks again


class Workers(Struct, frozen=True):
    """Who completes the steps: so many, each claiming so many at once."""

    count: int
    batch: int


# Of a chain there is one step at a time; a wide graph keeps several workers busy.
ALONE: Final = Workers(count=1, batch=1)
TOGETHER: Final = Workers(count=8, batch=10)


def workflows(bench: Bench) -> list[Row]:
    bench.say("workflows")
    bound = Bound(0.5, 0.8)
    with bench.spooled_lite("workflows") as ours:
        lay: dict[str, Callable[[str], None]] = {
            "plain": partial(_lay_out, ours.target, STEPS),
            "chain": partial(store, ours.target, chain(STEPS)),
            "fan": partial(store, ours.target, fan(STEPS)),
        }
        contenders = {
            "plain, alone": partial(rate, ours.target, lay["plain"], ALONE),
            "chain": partial(rate, ours.target, lay["chain"], ALONE),
            "plain, together": partial(rate, ours.target, lay["plain"], TOGETHER),
            "fan": partial(rate, ours.target, lay["fan"], TOGETHER),
        }
        rate(ours.target, lay["plain"], TOGETHER)  # with the code warm
        rates = bench.turn_about(contenders)
    return [
        Row(
            workload=f"{STEPS:,} steps, {shape}",
            figure="of plain jobs",
            values=ratios(rates[name], rates[plain]),
            bound=bound,
            besides=f"{spread(rates[name])} steps/s against {spread(rates[plain])}",
        )
        for name, plain, shape in (
            ("chain", "plain, alone", "a chain"),
            ("fan", "plain, together", "all behind the first"),
        )
    ]


def chain(count: int) -> Sequence[Mapping[str, Any]]:
    return [_step(n, [n - 1] if n else []) for n in range(count)]


def fan(count: int) -> Sequence[Mapping[str, Any]]:
    return [_step(n, [0] if n else []) for n in range(count)]


def _step(number: int, parents: Sequence[int]) -> Mapping[str, Any]:
    depends_on = [f"s{parent}" for parent in parents]
    return {"key": f"s{number}", "payload": PAYLOAD, "depends_on": depends_on}


def store(target: LoadTarget, steps: Sequence[Mapping[str, Any]], queue_name: str) -> None:
    jobs = [{**step, "queue_name": queue_name} for step in steps]
    with KeptConnection(target) as line:
        line.post("/api/v1/workflows", {"name": "bench", "jobs": jobs})


def _lay_out(target: LoadTarget, count: int, queue_name: str) -> None:
    with KeptConnection(target) as line:
        for start in range(0, count, BULK_JOBS):
            jobs = [{"payload": PAYLOAD}] * min(BULK_JOBS, count - start)
            line.post("/api/v1/jobs/bulk", {"queue_name": queue_name, "jobs": jobs})


def rate(
    target: LoadTarget, lay_out: Callable[[str], None], workers: Workers, *, count: int = STEPS
) -> float:
    """How many a second are completed of what was laid out before."""
    queue_name = f"q{time.time_ns()}"
    lay_out(queue_name)
    left = _Left(count)
    threads = [
        threading.Thread(target=_work, args=(target, queue_name, workers.batch, left))
        for _ in range(workers.count)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    assert left.count == 0, f"{left.count} of {count} were not completed"
    return count / took


class _Left:
    """How many are still to be completed; a worker that fails says so to the others."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.has_failed = False
        self._lock = threading.Lock()

    def one_less(self) -> None:
        with self._lock:
            self.count -= 1


def _work(target: LoadTarget, queue_name: str, batch: int, left: _Left) -> None:
    try:
        with KeptConnection(target) as line:
            while left.count > 0 and not left.has_failed:
                asked = claim(queue_name) | {"limit": batch}
                jobs = line.post("/api/v1/jobs/claim", asked)["jobs"]
                for job in jobs:
                    body = {"lease_id": job["lease_id"], "result": {"ok": True}}
                    line.post(f"/api/v1/jobs/{job['id']}/complete", body)
                    left.one_less()
                if not jobs:
                    time.sleep(POLL_SECONDS)
    except BaseException:
        left.has_failed = True
        raise
