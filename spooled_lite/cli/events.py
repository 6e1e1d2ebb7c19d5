"""`spooled-lite events`: what has happened, and what happens."""

import sys
from typing import Final

import click
from msgspec import Raw

from spooled_lite.cli.client import Client, Parameters
from spooled_lite.cli.connect import as_json_option, asks_server
from spooled_lite.cli.things import print_line
from spooled_lite.cli.watch.event_lines import ToldEvent, line_about
from spooled_lite.cli.watch.follow import EVENTS_PATH, follow

SHOWN: Final = 50
SHOWN_MAX: Final = 500  # of one answer
# Signs of life and figures, which come every few seconds: printed only when they are asked for.
_REGULAR: Final = frozenset({"ping", "system.health", "queue.stats", "worker.heartbeat"})


@click.command()
@click.option("--follow", "-f", "follows", is_flag=True, help="Print what happens, until Ctrl-C.")
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME", help="Only of this queue; `mail*` for many."
)
@click.option("--job", metavar="ID", help="Only of this job.")
@click.option(
    "--type", "types", multiple=True, metavar="NAME", help="Only such events: job.failed, for one."
)
@click.option(
    "--limit",
    type=click.IntRange(1, SHOWN_MAX),
    help=f"The last N changes; of one there may be several events.  [default: {SHOWN}]",
    metavar="N",
)
@as_json_option
@asks_server
def events(
    client: Client,
    follows: bool,
    queues: tuple[str, ...],
    job: str | None,
    types: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the events of the last hour, oldest first, or with --follow those that happen.

    A stream that breaks off is taken up again where it was. Figures and heartbeats, which come
    every few seconds, are printed when --type names them. --queue and --type may be given more than
    once.
    """
    if follows and limit is not None:
        raise click.UsageError("--limit is for what has happened: give it without --follow")
    query: Parameters = {
        "queues": ",".join(queues) or None,
        "job_id": job,
        "events": ",".join(types) or None,
    }
    if follows:
        _follow(client, query, silent=frozenset() if types else _REGULAR, as_json=as_json)
    else:
        _print_last(client, {**query, "limit": limit or SHOWN}, as_json=as_json)


def _follow(client: Client, query: Parameters, *, silent: frozenset[str], as_json: bool) -> None:
    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        for frame in follow(client, query, tell):
            if frame.name in silent:
                continue
            if as_json:
                print_line(frame.data.encode())
            else:
                click.echo(line_about(ToldEvent.of(frame.name, frame.data)))
    except KeyboardInterrupt:
        sys.exit(0)  # the way to end it, and no failure


def _print_last(client: Client, query: Parameters, *, as_json: bool) -> None:
    for raw in reversed(client.get(f"{EVENTS_PATH}/log", query).read(list[Raw])):
        if as_json:
            print_line(raw)
        else:
            click.echo(line_about(ToldEvent.listed(raw)))
