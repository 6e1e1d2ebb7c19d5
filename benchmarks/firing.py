"""The workload that fires many schedules in one second while somebody claims."""

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks import statements
from benchmarks.bench import Bench
from benchmarks.rates import lay_out
from benchmarks.seed import organization_of
from benchmarks.serving import QUEUE
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.serial import KeptConnection, claim_ms
from spooled_lite.cli.load.shapes import quantile
from spooled_lite.storage.connection import open_writer

CLAIMS_PER_SECOND_MAX: Final = 1_500  # of one connection
START_SECONDS: Final = 6.0  # from the making of a file until a server has its jobs laid out
FIRE_SECONDS_MAX: Final = 12.0  # how long it is watched at most
HOURS: Final = 24  # as many rules as there are hours, each with a zone of its own

Claims = Sequence[tuple[float, float]]  # when each began, in seconds, and how many ms it took


class _Fired(Struct, frozen=True):
    seconds: float  # from the slot to the last job
    calm_ms: Sequence[float]  # claims before the slot
    busy_ms: Sequence[float]  # claims while it fired


def schedules(bench: Bench) -> list[Row]:
    bench.say("schedules that fire in one second")
    fired = [_fire(bench, number) for number in range(bench.scale.rounds)]
    calm = [quantile(each.calm_ms, 0.5) for each in fired]
    busy = [quantile(each.busy_ms, 0.5) for each in fired]
    slow = [quantile(each.busy_ms, 0.99) for each in fired]
    count = f"{bench.scale.schedules:,}"
    return [
        Row(
            workload=f"{count} schedules due in one second",
            figure="from the slot to the last job",
            values=[each.seconds for each in fired],
            bound=Bound(5.0, 3.0, is_most=True, unit=" s"),
        ),
        Row(
            workload=f"claim p50 while {count} schedules fire",
            figure="of the time when none does",
            values=ratios(busy, calm),
            bound=Bound(1.5, 1.2, is_most=True),
            besides=f"{spread(busy)} ms against {spread(calm)} ms; p99 {spread(slow)} ms",
        ),
    ]


def _fire(bench: Bench, number: int) -> _Fired:
    path = bench.file(f"firing-{number}")
    at = int(time.time() + START_SECONDS + bench.scale.seconds) + 1
    add_schedules(path, bench.scale.schedules, at)
    seconds = bench.scale.seconds + FIRE_SECONDS_MAX
    with bench.spooled_lite(f"firing-{number}") as ours, KeptConnection(ours.target) as line:
        lay_out(ours, int(seconds * CLAIMS_PER_SECOND_MAX))
        time.sleep(max(0.0, at - bench.scale.seconds - time.time()))
        claims = _claims(line, until=at + FIRE_SECONDS_MAX)
    end = _last_run_at(path, bench.scale.schedules)
    return _Fired(
        end - at,
        [took for began, took in claims if began + took / 1000 < at],
        [took for began, took in claims if at <= began <= end],
    )


def _claims(line: KeptConnection, *, until: float) -> Claims:
    claims: list[tuple[float, float]] = []
    while (began := time.time()) < until:
        claims.append((began, claim_ms(line, QUEUE)))
    return claims


def add_schedules(path: Path, count: int, at: int) -> None:
    """All due at the same moment, said by the clocks of many zones. No server holds the file."""
    moment = datetime.fromtimestamp(at, UTC)
    connection = open_writer(str(path), "off")
    try:
        connection.execute(
            statements.SCHEDULES,
            {
                "org": organization_of(connection),
                "count": count,
                "hours": HOURS,
                "half": HOURS // 2,
                "hour": moment.hour,
                "minute_second": f"{moment.second} {moment.minute} ",
                "next_run_at_ms": at * 1000,
            },
        )
    finally:
        connection.close()


def _last_run_at(path: Path, count: int) -> float:
    connection = sqlite3.connect(path)
    try:
        runs, last_ms = connection.execute(statements.RUNS).fetchone()
    finally:
        connection.close()
    assert runs == count, f"{runs} of {count} schedules have fired"
    return float(last_ms / 1000)
