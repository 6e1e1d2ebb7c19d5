"""`spooled-lite workers`: who takes the jobs of a server."""

from typing import Final

import click

from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Column, Thing, ago, print_list, text

STATES: Final = ("healthy", "degraded", "draining", "offline")


def _load(thing: Thing) -> str:
    return f"{thing.text('current_jobs')}/{thing.text('max_concurrency')}"


COLUMNS: Final = (
    text("ID", whole=True),
    text("STATUS", whole=True),
    Column("JOBS", _load, whole=True, right=True),
    ago("SEEN", "last_heartbeat"),
    text("QUEUES", "queue_names"),
    text("HOST", "hostname"),
    text("TYPE", "worker_type", optional=True),
)


@click.group(cls=SuggestingGroup)
def workers() -> None:
    """List the workers of a server."""


@workers.command("list")
@click.option("--queue", metavar="NAME", help="Only those of this queue.")
@click.option("--status", type=click.Choice(STATES), help="Only those in this state.")
@limit_option
@as_json_option
@asks_server
def list_workers(
    client: Client, queue: str | None, status: str | None, limit: int | None, as_json: bool
) -> None:
    """List workers, those that were seen last first."""
    print_list(
        client,
        "/workers",
        COLUMNS,
        query={"queue_name": queue, "status": status},
        limit=limit,
        as_json=as_json,
        none="No workers.",
    )
