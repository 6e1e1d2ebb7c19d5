"""`spooled-lite tasks`: defines tasks, runs them, looks at runs and cancels them."""

from typing import Any, Final

import click

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted
from spooled_lite.cli.definitions import (
    define_named,
    run_options,
    tell_if_known,
    wait_for_output,
)
from spooled_lite.cli.given import given_json
from spooled_lite.cli.queue_names import task_named
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    Column,
    Thing,
    ago,
    number,
    print_answer,
    print_details,
    print_json_value,
    print_list,
    text,
)

STATES: Final = (
    *("queued", "waiting_for_dependencies", "started"),
    *("completed", "skipped", "failed", "canceled", "expired"),
)


def _tried(run: Thing) -> str:
    return f"{run.text('attempts')} of {(run.value('max_retries') or 0) + 1}"


COLUMNS: Final = (
    text("NAME", whole=True),
    text("QUEUE", "queue_name"),
    number("RETRIES", "max_retries"),
    Column("TIMEOUT", lambda task: f"{task.text('timeout_seconds')} s", whole=True, right=True),
    text("CONDITION", optional=True),
    ago("CHANGED", "updated_at"),
    text("DESCRIPTION", optional=True),
)
RUN_COLUMNS: Final = (
    text("ID", whole=True),
    text("STATE", whole=True),
    Column("TRIED", _tried, whole=True),
    ago("CREATED", "created_at"),
    ago("ENDED", "completed_at"),
    text("KEY", "concurrency_key", optional=True),
    text("INPUT"),
    text("ERROR", "last_error", optional=True),
)


@click.group(cls=SuggestingGroup)
def tasks() -> None:
    """Define tasks, run them, look at their runs and cancel them."""


@tasks.command("list")
@limit_option
@as_json_option
@asks_server
def list_tasks(client: Client, limit: int | None, as_json: bool) -> None:
    """List tasks by name."""
    print_list(client, "/tasks", COLUMNS, limit=limit, as_json=as_json, none="No tasks.")


@tasks.command()
@click.argument("name")
@as_json_option
@asks_server
def show(client: Client, name: str, as_json: bool) -> None:
    """Show a task in full."""
    with task_named(client, name):
        answer = client.get(path_of("tasks", name))
    if as_json:
        print_answer(answer)
        return
    task = Thing(answer.body, client.now_ms)
    print_details(_details(task))
    for part in ("backoff", "circuit_breaker", "on_fail"):
        print_json_value(task, part)


@tasks.command()
@click.argument("name")
@click.argument("definition", default="{}", metavar="[JSON|-]")
@as_json_option
@asks_server
def define(client: Client, name: str, definition: str, as_json: bool) -> None:
    """Create a task, or replace its whole definition.

    Such as: define charge_card '{"queue_name": "payments", "max_retries": 5}'
    """
    define_named(client, path_of("tasks", name), definition, as_json=as_json)


@tasks.command()
@click.argument("name")
@click.argument("given", default="null", metavar="[JSON|-]")
@run_options
@click.option("--max-retries", type=int, metavar="N")
@as_json_option
@asks_server
def run(
    client: Client, name: str, given: str, wait_seconds: int | None, as_json: bool, **more: Any
) -> None:
    """Run a task and print the id of the run. With `-` its input is the standard input."""
    body = {"input": given_json(given, "input")}
    body |= {member: each for member, each in more.items() if each is not None}
    with task_named(client, name):
        answer = client.post(path_of("tasks", name, "runs"), body)
    made = Thing(answer.body, client.now_ms)
    tell_if_known(made)
    if wait_seconds is not None:
        path = path_of("tasks", name, "runs", str(made.value("id")), "wait")
        wait_for_output(client, path, str(made.value("id")), wait_seconds, as_json=as_json)
    elif as_json:
        print_answer(answer)
    else:
        click.echo(made.text("id"))
        if made.value("state") == "skipped":
            click.echo("It is skipped: its input does not meet the condition.", err=True)


@tasks.command()
@click.argument("name")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@limit_option
@as_json_option
@asks_server
def runs(client: Client, name: str, state: str | None, limit: int | None, as_json: bool) -> None:
    """List the runs of a task, the newest first."""
    with task_named(client, name):
        print_list(
            client,
            path_of("tasks", name, "runs"),
            RUN_COLUMNS,
            query={"state": state},
            limit=limit,
            as_json=as_json,
            none="No runs.",
        )


@tasks.command()
@click.argument("name")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--reason", metavar="TEXT", help="Kept with the runs.")
@as_json_option
@asks_server
def cancel(
    client: Client, name: str, ids: tuple[str, ...], reason: str | None, as_json: bool
) -> None:
    """Cancel runs, also those that workers have."""
    body = {} if reason is None else {"reason": reason}
    count = 0
    for run_id in ids:
        with task_named(client, name):
            answer = client.post(path_of("tasks", name, "runs", run_id, "cancel"), body)
        if as_json:
            print_answer(answer)
        count += bool(Thing(answer.body, client.now_ms).value("applied"))
    if not count:
        raise click.ClickException("they had ended before" if len(ids) > 1 else "it had ended")
    if not as_json:
        click.echo(f"{counted(count, 'run')} cancelled")


def _details(task: Thing) -> list[tuple[str, str]]:
    return [
        ("name", task.text("name")),
        ("description", task.text("description")),
        ("queue", task.text("queue_name")),
        ("condition", task.text("condition")),
        ("retries", task.text("max_retries")),
        ("timeout", f"{task.text('timeout_seconds')} s"),
        ("at once", task.text("max_concurrency")),
        ("runs kept", _seconds(task, "retention_seconds")),
        ("revision", task.text("revision")),
        ("created", task.when("created_at")),
        ("changed", task.when("updated_at")),
    ]


def _seconds(task: Thing, name: str) -> str:
    return "" if task.value(name) is None else f"{task.text(name)} s"
