"""`python -m benchmarks`: run the workloads, print the table."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from benchmarks import (
    firing,
    flows,
    graphs,
    grpc_calls,
    held,
    messages,
    pages,
    rates,
    standing,
    streams,
    times,
    worlds,
)
from benchmarks.bench import QUICK, Bench, Scale
from benchmarks.machine import describe
from benchmarks.table import Row, markdown

WORKLOADS: Final[Mapping[str, Callable[[Bench], list[Row]]]] = {
    "enqueue": rates.enqueue_one,
    "claim": rates.claim_and_complete,
    "bulk": rates.enqueue_bulks,
    "wait": times.waiting_claim,
    "flat": times.flat_claims,
    "schedules": firing.schedules,
    "workflows": graphs.workflows,
    "messages": messages.messages,
    "flows": flows.flows,
    "held": held.held,
    "start": standing.cold_start,
    "memory": standing.memory,
    "idle": standing.idle,
    "streams": streams.streams,
    "grpc": grpc_calls.grpc,
    "pages": pages.pages,
    "worlds": worlds.worlds,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[WORKLOAD]...", nargs=-1, type=click.Choice(list(WORKLOADS)))
@click.option("--quick", is_flag=True, help="Small: to see that it works, not what it says.")
@click.option("--rounds", type=click.IntRange(1, 50), help="How often each has its turn.")
@click.option("--seconds", type=click.FloatRange(1, 60), help="How long a load runs.")
@click.option("--finished", type=click.IntRange(0), help="Finished jobs that claims look past.")
@click.option("--folder", type=click.Path(file_okay=False, exists=True), help="Where files go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    names: tuple[str, ...],
    quick: bool,
    folder: str | None,
    as_json: bool,
    **changes: float | None,
) -> None:
    """Run the workloads, all of them when none is named: enqueue, claim, bulk, wait (a waiting
    claim's delivery), flat (claims with many other jobs), schedules (many that fire in one second),
    workflows (steps against plain jobs), messages (sent, published,
    read; runs of tasks), flows (runs, steps and items against plain jobs), held (the writing
    thread, by large graphs), start, memory, idle, streams (of events), grpc, pages
    (of the dashboard, in Chromium), worlds (of test mode).

    Files are written to the temporary folder: it should be on the disk that matters.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    scale = msgspec.structs.replace(QUICK if quick else Scale(), **given)
    with tempfile.TemporaryDirectory(prefix="spooled-bench-", dir=folder) as made:
        path = Path(made).resolve()
        machine = describe(path)
        rows = [row for name in names or WORKLOADS for row in WORKLOADS[name](Bench(path, scale))]
    click.echo(_json(machine, rows) if as_json else _text(machine, rows))


def _text(machine: Mapping[str, str], rows: list[Row]) -> str:
    about = "\n".join(f"* {name}: {value}" for name, value in machine.items())
    return f"{about}\n\n{markdown(rows)}"


def _json(machine: Mapping[str, str], rows: list[Row]) -> str:
    shown: list[dict[str, Any]] = [
        {**msgspec.to_builtins(row), "median": row.median, "verdict": row.verdict} for row in rows
    ]
    return msgspec.json.encode({"machine": machine, "rows": shown}).decode()


if __name__ == "__main__":
    main()
