"""`spooled-lite queues`: looks at queues, configures, pauses, empties and deletes them."""

from typing import Any, Final

import click
from click.core import ParameterSource

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted, get_consent, yes_option
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.given import breaker_or_none, future_or_none, number_or_none
from spooled_lite.cli.queue_names import queue_named
from spooled_lite.cli.queue_views import BOARD, CONFIGURED, configuration_of, details_of
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    Column,
    Thing,
    duration,
    print_answer,
    print_details,
    print_list,
)

PURGE_SECONDS_MAX: Final = 3_600.0  # it goes on in passes, however many jobs there are


@click.group(cls=SuggestingGroup)
def queues() -> None:
    """Look at queues, configure, pause, empty and delete them."""


@queues.command("list")
@limit_option
@as_json_option
@asks_server
def list_queues(client: Client, limit: int | None, as_json: bool) -> None:
    """List queues by name, with what waits and runs.

    --json lists their configuration.
    """
    if not as_json:
        try:
            _print(client, "/dashboard/queues", BOARD, limit=limit, as_json=False)
            return
        except ServerRefused as error:  # not every Spooled has the overview
            if error.status not in (404, 405):
                raise
    _print(client, "/queues", CONFIGURED, limit=limit, as_json=as_json)


def _print(
    client: Client, path: str, columns: tuple[Column, ...], *, limit: int | None, as_json: bool
) -> None:
    query = {"sort": "name"} if columns is BOARD else {}
    none = "No queues."
    print_list(client, path, columns, query=query, limit=limit, as_json=as_json, none=none)


@queues.command()
@click.argument("name")
@as_json_option
@asks_server
def get(client: Client, name: str, as_json: bool) -> None:
    """Show the configuration of a queue, and what is in it.

    --json shows the configuration.
    """
    with queue_named(client, name):
        answer = client.get(path_of("queues", name))
    if as_json:
        print_answer(answer)
        return
    stats = Thing(client.get(path_of("queues", name, "stats")).body, client.now_ms)
    print_details(details_of(Thing(answer.body, client.now_ms), stats))


@queues.command("set")
@click.argument("name")
@click.option("--max-retries", type=int, metavar="N", help="Of jobs that say nothing of it.")
@click.option("--timeout", "default_timeout", type=int, metavar="SECONDS", help="Likewise.")
@click.option("--at-once", "max_concurrency", type=number_or_none, metavar="N|none",
              help="How many jobs run at once at most.")  # fmt: skip
@click.option("--per-second", "rate_limit", type=number_or_none, metavar="N|none",
              help="How many jobs are handed out per second at most.")  # fmt: skip
@click.option("--backoff", "backoff_base_seconds", type=float, metavar="SECONDS",
              help="The wait before the first retry.")  # fmt: skip
@click.option("--backoff-multiplier", type=float, metavar="X",
              help="How much longer each further wait is, 1 to 10.")  # fmt: skip
@click.option("--backoff-max", "backoff_max_seconds", type=float, metavar="SECONDS",
              help="The longest wait.")  # fmt: skip
@click.option("--breaker", "circuit_breaker", type=breaker_or_none, metavar="N:SECONDS|none",
              help="After N failures in a row hand out nothing for so long.")  # fmt: skip
@click.option("--expires", "expires_at", type=future_or_none, metavar="TIME|none",
              help="Delete it then, with all that is in it.")  # fmt: skip
@click.option("--description", metavar="TEXT")
@click.option("--create", is_flag=True, help="Make the queue if it does not exist.")
@as_json_option
@asks_server
def set_queue(client: Client, name: str, create: bool, as_json: bool, **given: Any) -> None:
    """Change the configuration of a queue.

    What is not said stays as it is; `none` takes a limit back.
    """
    said = click.get_current_context().get_parameter_source
    changes = {
        each: value for each, value in given.items()
        if said(each) is ParameterSource.COMMANDLINE
    }  # fmt: skip
    if not changes and not create:
        raise click.UsageError("nothing to change: say what, such as --at-once 5")
    path = path_of("queues", name)
    if not create:
        with queue_named(client, name):
            client.get(path)
    answer = client.put(f"{path}/config", changes)
    if as_json:
        print_answer(answer)
    else:
        print_details(configuration_of(Thing(answer.body, client.now_ms)))


@queues.command()
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Why; people see it.")
@as_json_option
@asks_server
def pause(client: Client, name: str, reason: str | None, as_json: bool) -> None:
    """Stop handing out jobs of a queue. Those that run go on."""
    with queue_named(client, name):
        client.get(path_of("queues", name))  # pausing makes a queue that does not exist
    answer = client.post(path_of("queues", name, "pause"), {"reason": reason})
    if as_json:
        print_answer(answer)
    else:
        click.echo(f"{message_of(name)} is paused")


@queues.command()
@click.argument("name")
@as_json_option
@asks_server
def resume(client: Client, name: str, as_json: bool) -> None:
    """Hand out jobs of a queue again."""
    with queue_named(client, name):
        answer = client.post(path_of("queues", name, "resume"))
    if as_json:
        print_answer(answer)
        return
    seconds = Thing(answer.body, client.now_ms).value("paused_duration_secs")
    was = f", after {duration(seconds * 1000)}" if isinstance(seconds, int) and seconds else ""
    click.echo(f"{message_of(name)} is open{was}")


@queues.command()
@click.argument("name")
@yes_option
@as_json_option
@asks_server
def purge(client: Client, name: str, yes: bool, as_json: bool) -> None:
    """Delete every job of a queue that is not running. It cannot be undone."""
    count = sum(_counts(client, name).values())
    if count:
        get_consent(f"Delete {counted(count, 'job')} of {message_of(name)}?", is_given=yes)
    answer = client.post(path_of("queues", name, "purge"), seconds=PURGE_SECONDS_MAX)
    if as_json:
        print_answer(answer)
        return
    purged = Thing(answer.body, client.now_ms).value("purged_count")
    click.echo(f"{counted(purged or 0, 'job')} deleted")


@queues.command()
@click.argument("name")
@click.option("--with-jobs", is_flag=True, help="Also when jobs wait or run; they are deleted.")
@yes_option
@as_json_option
@asks_server
def delete(client: Client, name: str, with_jobs: bool, yes: bool, as_json: bool) -> None:
    """Delete a queue with its jobs. It cannot be undone."""
    counts = _counts(client, name, "processing")
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    get_consent(
        f"Delete {message_of(name)} with its jobs ({told or 'there are none'})?", is_given=yes
    )
    client.delete(path_of("queues", name), {"delete_jobs": "true" if with_jobs else None})
    if not as_json:
        click.echo(f"{message_of(name)} is deleted")


def _counts(client: Client, name: str, *more: str) -> dict[str, int]:
    """The jobs of a queue by status, and those of the statuses that are not counted otherwise."""
    statuses = ("pending", "scheduled", *more, "completed", "failed", "deadletter", "cancelled")
    with queue_named(client, name):
        client.get(path_of("queues", name))
        stats = Thing(client.get("/jobs/stats", {"queue_name": name}).body, client.now_ms)
    found = {status: stats.value(status) for status in statuses}
    return {status: count for status, count in found.items() if isinstance(count, int)}
