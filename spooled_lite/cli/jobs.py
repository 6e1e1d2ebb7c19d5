"""`spooled-lite jobs`: creates jobs, looks at them, and changes single ones or many."""

from typing import Any, Final

import click

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.given import future, given_json, past
from spooled_lite.cli.job_changes import cancel, delete, priority, retry
from spooled_lite.cli.job_run import run
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
    print_table,
    text,
)

STATUSES: Final = (
    "pending", "scheduled", "processing", "completed", "failed", "deadletter", "cancelled",
)  # fmt: skip


def retries(thing: Thing) -> str:
    return f"{thing.text('retry_count')}/{thing.text('max_retries')}"


def _due(thing: Thing) -> str:
    is_waiting = thing.value("status") in ("pending", "scheduled")
    return thing.ago("scheduled_at") if is_waiting else "-"


COLUMNS: Final = (
    text("ID", whole=True),
    text("QUEUE", "queue_name"),
    text("STATUS", whole=True),
    number("PRIO", "priority"),
    Column("RETRIES", retries, whole=True, right=True),
    ago("CREATED", "created_at"),
    Column("DUE", _due, whole=True, optional=True),
    text("ERROR", "last_error", optional=True),
)
HISTORY: Final = (
    Column("AT", lambda thing: thing.when("created_at"), whole=True),
    text("EVENT", "event_type", whole=True),
    text("WORKER", "worker_id", optional=True),
    text("DETAILS", optional=True),
)


@click.group(cls=SuggestingGroup)
def jobs() -> None:
    """Create jobs, look at them, change them, and work on them."""


for command in (cancel, retry, delete, priority, run):
    jobs.add_command(command)


@jobs.command()
@click.argument("queue")
@click.argument("payload", default="{}", metavar="[JSON|-]")
@click.option("--priority", type=int, metavar="N", help="From -100 to 100; higher goes first.")
@click.option("--delay", "delay", type=future, metavar="TIME", help="Not before this time or span.")
@click.option("--expires", type=future, metavar="TIME", help="Cancel it if it waits until then.")
@click.option("--key", metavar="TEXT", help="Idempotency key: the same one makes no second job.")
@click.option("--max-retries", type=int, metavar="N")
@click.option("--timeout", type=int, metavar="SECONDS", help="How long an attempt may take.")
@click.option("--tag", "tags", multiple=True, metavar="TEXT", help="Repeatable.")
@click.option("--webhook", metavar="URL", help="Called when the job has ended.")
@as_json_option
@asks_server
def create(
    client: Client, queue: str, payload: str, tags: tuple[str, ...], as_json: bool, **more: Any
) -> None:
    """Create a job and print its id.

    Its payload is JSON, or with `-` the standard input; without either it is `{}`.
    """
    names = {"delay": "scheduled_at", "expires": "expires_at", "key": "idempotency_key",
             "timeout": "timeout_seconds", "webhook": "completion_webhook"}  # fmt: skip
    body: dict[str, Any] = {"queue_name": queue, "payload": given_json(payload, "payload")}
    body |= {names.get(name, name): each for name, each in more.items() if each is not None}
    if tags:
        body["tags"] = tags
    answer = client.post("/jobs", body)
    if as_json:
        print_answer(answer)
        return
    made = Thing(answer.body, client.now_ms)
    click.echo(made.text("id"))
    if made.value("created") is False:
        click.echo(f"It was there already, and is {made.text('status')}.", err=True)


@jobs.command("list")
@click.option("--queue", metavar="NAME", help="Only of this queue.")
@click.option("--status", type=click.Choice(STATUSES))
@click.option("--type", "job_type", metavar="TYPE", help="Only of this job type.")
@click.option("--tag", metavar="TEXT", help="Only with this tag.")
@click.option("--search", metavar="TEXT", help="Part of the queue or type, or how the id begins.")
@click.option("--workflow", metavar="ID", help="Only of this workflow.")
@click.option("--worker", metavar="ID", help="Only those that this worker holds.")
@click.option("--since", type=past, metavar="TIME", help="Created since then, such as 2h.")
@click.option("--before", type=past, metavar="TIME", help="Created before then.")
@limit_option
@as_json_option
@asks_server
def list_jobs(
    client: Client, queue: str | None, status: str | None, job_type: str | None, tag: str | None,
    search: str | None, workflow: str | None, worker: str | None, since: str | None,
    before: str | None, limit: int | None, as_json: bool,
) -> None:  # fmt: skip
    """List jobs, the newest first."""
    print_list(
        client,
        "/jobs",
        COLUMNS,
        query={
            "queue_name": queue, "status": status, "job_type": job_type, "tag": tag, "q": search,
            "workflow_id": workflow, "worker_id": worker, "created_after": since,
            "created_before": before,
        },
        limit=limit,
        as_json=as_json,
        none="No jobs.",
        is_frozen=True,
    )  # fmt: skip


@jobs.command()
@click.argument("job_id", metavar="ID")
@click.option("--history", is_flag=True, help="Also what happened to it.")
@as_json_option
@asks_server
def get(client: Client, job_id: str, history: bool, as_json: bool) -> None:
    """Show a job in full."""
    path = path_of("jobs", job_id)
    answer = client.get(path, {"include": "history" if history and as_json else None})
    if as_json:
        print_answer(answer)
        return
    job = Thing(answer.body, client.now_ms)
    print_details(_details(job))
    for name in ("payload", "result"):
        print_json_value(job, name)
    if history:
        events = client.things(f"{path}/history", {}, None)
        click.echo()
        print_table([Thing(each, client.now_ms) for each in events], HISTORY)


def _details(job: Thing) -> list[tuple[str, str]]:
    progress = job.text("progress")
    message = job.text("progress_message")
    return [
        ("id", job.text("id")),
        ("queue", job.text("queue_name")),
        ("status", job.text("status")),
        ("priority", job.text("priority")),
        ("retries", f"{job.text('retry_count')} of {job.text('max_retries')}"),
        ("progress", progress if progress in ("-", "0") else f"{progress} % {message}"),
        ("created", job.when("created_at")),
        ("due", job.when("scheduled_at")),
        ("started", job.when("started_at")),
        ("ended", job.when("completed_at")),
        ("expires", job.when("expires_at")),
        ("timeout", f"{job.text('timeout_seconds')} s"),
        ("worker", job.text("assigned_worker_id")),
        ("lease ends", job.when("lease_expires_at")),
        ("workflow", job.text("workflow_id")),
        ("parent", job.text("parent_job_id")),
        ("key", job.text("idempotency_key")),
        ("tags", job.text("tags")),
        ("webhook", job.text("completion_webhook")),
        ("error", job.text("last_error")),
    ]
