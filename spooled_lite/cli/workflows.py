"""`spooled-lite workflows`: jobs that wait for one another, and how far they are."""

from typing import Any, Final

import click

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.given import INPUT_BYTES_MAX, checked_json, given_json
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    Column,
    Thing,
    ago,
    print_answer,
    print_details,
    print_list,
    text,
)
from spooled_lite.cli.workflow_tree import JobsShown, tree_of

STATUSES: Final = ("pending", "running", "completed", "failed", "cancelled")


def _progress(thing: Thing) -> str:
    return f"{thing.text('completed_jobs')}/{thing.text('total_jobs')}"


COLUMNS: Final = (
    text("ID", whole=True),
    text("NAME"),
    text("STATUS", whole=True),
    Column("DONE", _progress, whole=True, right=True),
    ago("CREATED", "created_at"),
    ago("ENDED", "completed_at"),
)


@click.group(cls=SuggestingGroup)
def workflows() -> None:
    """Look at workflows, create, cancel and retry them."""


@workflows.command("list")
@click.option("--status", type=click.Choice(STATUSES))
@limit_option
@as_json_option
@asks_server
def list_workflows(client: Client, status: str | None, limit: int | None, as_json: bool) -> None:
    """List workflows, the newest first."""
    query = {"status": status}
    none = "No workflows."
    print_list(client, "/workflows", COLUMNS, query=query, limit=limit, as_json=as_json, none=none)


@workflows.command()
@click.argument("file", metavar="FILE|-")
@as_json_option
@asks_server
def create(client: Client, file: str, as_json: bool) -> None:
    """Create a workflow from a file, and print its id.

    All of it is created, or nothing. The file is the body of POST /api/v1/workflows: a name, and
    jobs with a key, a queue, a payload and what they depend on.
    """
    answer = client.post("/workflows", _body_in(file))
    if as_json:
        print_answer(answer)
    else:
        click.echo(Thing(answer.body, client.now_ms).text("workflow_id"))


@workflows.command()
@click.argument("workflow_id", metavar="ID")
@as_json_option
@asks_server
def show(client: Client, workflow_id: str, as_json: bool) -> None:
    """Show a workflow with its jobs as a tree.

    Below each job stand those that wait for it.
    """
    answer = client.get(path_of("workflows", workflow_id))
    if as_json:
        print_answer(answer)
        return
    workflow = Thing(answer.body, client.now_ms)
    failed = workflow.value("failed_jobs")
    print_details(
        [
            ("id", workflow.text("id")),
            ("name", workflow.text("name")),
            ("description", workflow.text("description")),
            ("status", workflow.text("status")),
            ("done", f"{_progress(workflow)}{f', {failed} failed' if failed else ''}"),
            ("created", workflow.when("created_at")),
            ("ended", workflow.when("completed_at")),
        ]
    )
    click.echo()
    for line in tree_of(answer.read(JobsShown), client.now_ms):
        click.echo(line)


@workflows.command()
@click.argument("workflow_id", metavar="ID")
@click.option("--reason", metavar="TEXT", help="Why; people see it.")
@click.option("--stop-running", is_flag=True, help="Also tell jobs that run to stop.")
@as_json_option
@asks_server
def cancel(
    client: Client, workflow_id: str, reason: str | None, stop_running: bool, as_json: bool
) -> None:
    """Cancel the jobs of a workflow that wait."""
    body: dict[str, Any] = {"stop_running": True} if stop_running else {}
    if reason is not None:
        body["reason"] = reason
    _act(client, workflow_id, "cancel", body, as_json=as_json)


@workflows.command()
@click.argument("workflow_id", metavar="ID")
@as_json_option
@asks_server
def retry(client: Client, workflow_id: str, as_json: bool) -> None:
    """Start the failed jobs of a failed workflow again."""
    _act(client, workflow_id, "retry", {}, as_json=as_json)


def _act(
    client: Client, workflow_id: str, act: str, body: dict[str, Any], *, as_json: bool
) -> None:
    answer = client.post(path_of("workflows", workflow_id, act), body)
    if as_json:
        print_answer(answer)
        return
    click.echo(f"{message_of(workflow_id)} is {Thing(answer.body, client.now_ms).text('status')}")


def _body_in(file: str) -> Any:
    if file == "-":
        return given_json(file, "FILE")
    try:
        with open(file, "rb") as opened:
            content = opened.read(INPUT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise click.BadParameter(f"{file} cannot be read: {why}", param_hint="FILE") from None
    if len(content) > INPUT_BYTES_MAX:
        raise click.BadParameter(
            f"{file} is longer than {INPUT_BYTES_MAX // 2**20} MiB", param_hint="FILE"
        )
    return checked_json(content, file, "FILE")
