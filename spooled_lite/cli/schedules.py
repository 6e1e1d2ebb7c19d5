"""`spooled-lite schedules`: jobs, or runs of tasks and flows, at the times of a cron expression."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import click
from msgspec import Raw, Struct

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import get_consent, yes_option
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.given import given_json
from spooled_lite.cli.named import id_of
from spooled_lite.cli.queue_names import flow_named, task_named
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    NONE,
    Column,
    Thing,
    ago,
    number,
    print_answer,
    print_details,
    print_list,
    print_table,
    text,
)


def _state(thing: Thing) -> str:
    return "active" if thing.value("is_active") else "paused"


def _next(thing: Thing) -> str:
    return thing.ago("next_run_at") if thing.value("is_active") else NONE


def _local(thing: Thing) -> str:
    """`2026-12-07 09:00:00 +09:00`, as far as it looks like that."""
    return re.sub(r"T([0-9:]{8})\.[0-9]+", r" \1 ", thing.text("local"))


COLUMNS: Final = (
    text("ID", whole=True),
    text("NAME"),
    text("CRON", "cron_expression"),
    text("ZONE", "timezone"),
    text("TASK", "task_name", optional=True),
    text("FLOW", "flow_name", optional=True),
    text("QUEUE", "queue_name"),
    Column("STATE", _state, whole=True),
    Column("NEXT", _next, whole=True),
    ago("LAST", "last_run_at"),
    number("RUNS", "run_count"),
)
HISTORY: Final = (
    Column("AT", lambda thing: thing.when("triggered_at"), whole=True),
    text("STATUS", whole=True),
    text("JOB", "job_id", whole=True),
    text("ERROR", "error_message", optional=True),
)
SLOTS: Final = (
    Column("LOCAL", _local, whole=True),
    Column("UTC", lambda thing: thing.when("utc"), whole=True),
)


@click.group(cls=SuggestingGroup)
def schedules() -> None:
    """Look at schedules, create, try, pause and delete them. They go by id or by name."""


@schedules.command("list")
@click.option("--queue", metavar="NAME", help="Only those of this queue.")
@click.option("--active/--paused", "is_active", default=None, help="Only those.")
@limit_option
@as_json_option
@asks_server
def list_schedules(
    client: Client, queue: str | None, is_active: bool | None, limit: int | None, as_json: bool
) -> None:
    """List schedules, the newest first."""
    active = None if is_active is None else str(is_active).lower()
    query = {"queue_name": queue, "is_active": active}
    none = "No schedules."
    print_list(client, "/schedules", COLUMNS, query=query, limit=limit, as_json=as_json, none=none)


@schedules.command()
@click.argument("name")
@click.argument("cron")
@click.argument("queue", required=False)
@click.argument("payload", required=False, metavar="[JSON|-]")
@click.option("--task", metavar="NAME", help="Run this task, in its queue, instead of a job.")
@click.option("--flow", metavar="NAME", help="Run this flow instead of a job.")
@click.option(
    "--input", "given", metavar="JSON|-", help="Of each run of the task or flow. Default: {}."
)
@click.option("--zone", "timezone", metavar="ZONE", help="Such as Europe/Berlin. Default: UTC.")
@click.option("--catch-up", type=click.Choice(["one", "skip", "all"]),
              help="What becomes of slots that a server was not there for.")  # fmt: skip
@click.option("--priority", type=int, metavar="N")
@click.option("--max-retries", type=int, metavar="N")
@click.option("--timeout", "timeout_seconds", type=int, metavar="SECONDS")
@click.option("--description", metavar="TEXT")
@click.option("--paused", is_flag=True, help="It does nothing until it is resumed.")
@as_json_option
@asks_server
def create(
    client: Client, name: str, cron: str, queue: str | None, payload: str | None, task: str | None,
    flow: str | None, given: str | None, paused: bool, as_json: bool, **more: Any,
) -> None:  # fmt: skip
    """Create a schedule and print its id.

    Such as: create nightly '0 3 * * *' reports '{"kind": "day"}'

    Or: create hourly '@hourly' --task charge_card --input '{"amount": 1}'

    Or: create orders '@daily' --flow orders
    """
    body = {
        "name": name,
        "cron_expression": cron,
        **_target(queue, payload, task, flow, given),
        **{field: value for field, value in more.items() if value is not None},
        **({"is_active": False} if paused else {}),
    }
    with _named(client, task, flow):
        answer = client.post("/schedules", body)
    if as_json:
        print_answer(answer)
        return
    made = Thing(answer.body, client.now_ms)
    click.echo(made.text("id"))
    if made.value("is_active") and made.ms("next_run_at") is not None:
        click.echo(f"First at {made.when('next_run_at')}.", err=True)


@schedules.command()
@click.argument("cron")
@click.option("--zone", "timezone", metavar="ZONE", help="Such as Europe/Berlin. Default: UTC.")
@click.option("--count", type=int, metavar="N", help="How many.")
@as_json_option
@asks_server
def preview(
    client: Client, cron: str, timezone: str | None, count: int | None, as_json: bool
) -> None:
    """Show the next times of a cron expression."""
    given = {"timezone": timezone, "count": count}
    said = {name: value for name, value in given.items() if value is not None}
    answer = client.post("/schedules/preview", {"cron_expression": cron, **said})
    if as_json:
        print_answer(answer)
        return
    slots = answer.read(_Preview).slots
    print_table([Thing(each, client.now_ms) for each in slots], SLOTS)


class _Preview(Struct):
    slots: list[Raw]


@schedules.command()
@click.argument("schedule", metavar="ID|NAME")
@as_json_option
@asks_server
def get(client: Client, schedule: str, as_json: bool) -> None:
    """Show a schedule in full."""
    answer = client.get(_path(client, schedule))
    if as_json:
        print_answer(answer)
        return
    it = Thing(answer.body, client.now_ms)
    rows = ("id", "name", "description", "cron_expression", "timezone", "task_name", "flow_name",
            "queue_name", "priority", "max_retries", "timeout_seconds", "catch_up")  # fmt: skip
    print_details(
        [
            *((name.replace("_", " "), it.text(name)) for name in rows),
            ("state", _state(it)),
            ("next", it.when("next_run_at")),
            ("last", it.when("last_run_at")),
            ("runs", f"{it.text('run_count')}, {it.text('failed_count')} of them failed"),
            ("input" if _runs(it) else "payload", it.text("payload_template")),
        ]
    )


@schedules.command()
@click.argument("schedule", metavar="ID|NAME")
@as_json_option
@asks_server
def trigger(client: Client, schedule: str, as_json: bool) -> None:
    """Create a job now, or a run of the task or flow, and print its id.

    Also when the schedule is paused.
    """
    answer = client.post(_path(client, schedule, "trigger"))
    if as_json:
        print_answer(answer)
    else:
        made = Thing(answer.body, client.now_ms)
        is_flow = made.value("workflow_id") is not None
        click.echo(made.text("workflow_id" if is_flow else "job_id"))


@schedules.command()
@click.argument("schedule", metavar="ID|NAME")
@as_json_option
@asks_server
def pause(client: Client, schedule: str, as_json: bool) -> None:
    """Let it do nothing until it is resumed."""
    answer = client.post(_path(client, schedule, "pause"))
    if as_json:
        print_answer(answer)
    else:
        click.echo(f"{message_of(schedule)} is paused")


@schedules.command()
@click.argument("schedule", metavar="ID|NAME")
@as_json_option
@asks_server
def resume(client: Client, schedule: str, as_json: bool) -> None:
    """Let it go on with its next slot."""
    answer = client.post(_path(client, schedule, "resume"))
    if as_json:
        print_answer(answer)
        return
    next_run = Thing(answer.body, client.now_ms).when("next_run_at")
    click.echo(f"{message_of(schedule)} is active, next at {next_run}")


@schedules.command()
@click.argument("schedule", metavar="ID|NAME")
@limit_option
@as_json_option
@asks_server
def history(client: Client, schedule: str, limit: int | None, as_json: bool) -> None:
    """List what it did, the newest first."""
    path = _path(client, schedule, "history")
    print_list(client, path, HISTORY, limit=limit, as_json=as_json, none="It has done nothing yet.")


@schedules.command()
@click.argument("schedule", metavar="ID|NAME")
@yes_option
@as_json_option
@asks_server
def delete(client: Client, schedule: str, yes: bool, as_json: bool) -> None:
    """Delete a schedule and its history. What it created stays."""
    path = _path(client, schedule)
    get_consent(f"Delete {message_of(schedule)} and its history?", is_given=yes)
    client.delete(path)
    if not as_json:
        click.echo(f"{message_of(schedule)} is deleted")


def _target(
    queue: str | None, payload: str | None, task: str | None, flow: str | None, given: str | None
) -> dict[str, Any]:
    """The members that say what a schedule creates.

    Raises:
        click.UsageError: not just one of a queue, a task and a flow was named.
    """
    if task is not None and flow is not None:
        raise click.UsageError("--task and --flow cannot be given together")
    if task is not None or flow is not None:
        option, member = ("task", "task_name") if flow is None else ("flow", "flow_name")
        if queue is not None:
            raise click.UsageError(
                f"with --{option} leave QUEUE out: the {option} says it; see --input"
            )
        run_of = {member: task if flow is None else flow}
        return {**run_of, "input": given_json("{}" if given is None else given, "input")}
    if given is not None:
        raise click.UsageError("--input is for --task and --flow; a payload stands behind QUEUE")
    if queue is None:
        raise click.UsageError(
            "name the queue of its jobs, or what it runs instead, with --task or --flow"
        )
    payload = "{}" if payload is None else payload
    return {"queue_name": queue, "payload_template": given_json(payload, "payload")}


def _named(client: Client, task: str | None, flow: str | None) -> AbstractContextManager[None]:
    """Adds the nearest name to a refusal that says that there is no such task or flow."""
    if flow is not None:
        return flow_named(client, flow)
    return nullcontext() if task is None else task_named(client, task)


def _runs(schedule: Thing) -> bool:
    """Whether it makes runs of a task or a flow, and no plain jobs."""
    return any(schedule.value(name) is not None for name in ("task_name", "flow_name"))


def _path(client: Client, schedule: str, *more: str) -> str:
    return path_of("schedules", id_of(client, "/schedules", schedule), *more)
