"""`spooled-lite jobs cancel`, `retry`, `delete`, `priority`: jobs by id, or all that fit."""

import sys
from collections.abc import Callable
from typing import Any, Final

import click

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server
from spooled_lite.cli.consent import yes_option
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.given import past
from spooled_lite.cli.job_actions import VERBS, act_on_many, delete_named
from spooled_lite.cli.things import Thing, print_answer

# How the options of a choice are called in a filter of the API.
_FILTER: Final = {
    "queue": "queue_name",
    "job_type": "job_type",
    "tag": "tag",
    "error": "error_key",
    "since": "created_after",
    "before": "created_before",
}


def chooses_jobs(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command ids, or the options that say which jobs are meant."""
    options = (
        click.argument("job_ids", nargs=-1, metavar="[ID]..."),
        click.option("--queue", metavar="NAME", help="All of this queue."),
        click.option("--type", "job_type", metavar="TYPE", help="All of this job type."),
        click.option("--tag", metavar="TEXT", help="All with this tag."),
        click.option("--error", metavar="KEY", help="All with this error (see `dlq errors`)."),
        click.option("--since", type=past, metavar="TIME", help="All created since, such as 2h."),
        click.option("--before", type=past, metavar="TIME", help="All created before."),
        click.option("--all", "is_all", is_flag=True, help="All that there are."),
        yes_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@chooses_jobs
@as_json_option
@asks_server
def cancel(client: Client, job_ids: tuple[str, ...], yes: bool, as_json: bool, **more: Any) -> None:
    """Cancel waiting jobs.

    By id, or all that fit, after they were counted.
    """
    chosen = chosen_jobs(job_ids, **more)
    if chosen is None:
        one_by_one(client, "cancel", job_ids, as_json=as_json)
    else:
        act_on_many(client, "cancel", chosen, is_agreed=yes, as_json=as_json)


@click.command()
@chooses_jobs
@as_json_option
@asks_server
def retry(client: Client, job_ids: tuple[str, ...], yes: bool, as_json: bool, **more: Any) -> None:
    """Put dead letters back into their queues.

    By id, or all that fit, after they were counted.
    """
    chosen = chosen_jobs(job_ids, **more)
    if chosen is None:
        one_by_one(client, "retry", job_ids, as_json=as_json)
    else:
        act_on_many(client, "retry", chosen, is_agreed=yes, as_json=as_json)


@click.command()
@chooses_jobs
@as_json_option
@asks_server
def delete(client: Client, job_ids: tuple[str, ...], yes: bool, as_json: bool, **more: Any) -> None:
    """Delete finished jobs.

    By id, or all that fit, after they were counted.
    """
    chosen = chosen_jobs(job_ids, **more)
    if chosen is None:
        delete_named(client, list(job_ids), is_agreed=yes, as_json=as_json)
    else:
        act_on_many(client, "delete", chosen, is_agreed=yes, as_json=as_json)


# A priority may begin with a minus, so what looks like an unknown option is taken for one.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("job_id", metavar="ID")
@click.argument("priority", type=int)
@as_json_option
@asks_server
def priority(client: Client, job_id: str, priority: int, as_json: bool) -> None:
    """Change the priority of a waiting job.

    From -100 to 100; higher goes first.
    """
    answer = client.put(path_of("jobs", job_id, "priority"), {"priority": priority})
    if as_json:
        print_answer(answer)
        return
    changed = Thing(answer.body, client.now_ms)
    click.echo(f"Priority {changed.text('new_priority')}, was {changed.text('old_priority')}.")


def chosen_jobs(job_ids: tuple[str, ...], *, is_all: bool, **given: Any) -> dict[str, Any] | None:
    """The filter that the options make; None when jobs are named by id.

    Raises:
        click.UsageError: it is not said which jobs are meant, or in two ways.
    """
    chosen = {_FILTER[name]: value for name, value in given.items() if value is not None}
    if bool(job_ids) + bool(chosen) + is_all != 1:
        raise click.UsageError("say which jobs: by id, or with options such as --queue, or --all")
    return None if job_ids else chosen


def one_by_one(client: Client, act: str, job_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Each by itself; those that are refused do not keep the others from it."""
    is_refused = False
    for job_id in job_ids:
        try:
            answer = client.post(path_of("jobs", job_id, act))
        except ServerRefused as error:
            is_refused = True
            click.echo(f"Error: {message_of(job_id)}: {error.message}", err=True)
            continue
        if as_json:
            print_answer(answer)
        else:
            click.echo(f"{message_of(job_id)} {VERBS[act][1]}")
    if is_refused:
        sys.exit(1)
