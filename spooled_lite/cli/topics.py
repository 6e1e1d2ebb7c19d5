"""`spooled-lite topics`: which queues, tasks and flows get what is published, and publishing."""

from typing import Final

import click

from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.given import given_json
from spooled_lite.cli.queue_names import flow_named, queue_named, task_named
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Thing, ago, print_answer, print_list, text

COLUMNS: Final = (
    text("PATTERN", whole=True),
    text("TO", "target_type", whole=True),
    text("NAME", "target_name"),
    ago("BOUND", "created_at"),
)


# What adds the nearest name to a refusal, by the type of the target.
_NAMED: Final = {"queue": queue_named, "task": task_named, "flow": flow_named}
task_option: Final = click.option(
    "--task", "is_task", is_flag=True, help="NAME is that of a task, not of a queue."
)
flow_option: Final = click.option(
    "--flow", "is_flow", is_flag=True, help="NAME is that of a flow, not of a queue."
)


@click.group(cls=SuggestingGroup)
def topics() -> None:
    """Bind queues, tasks and flows to patterns of topics, list bindings, and publish."""


@topics.command()
@click.argument("pattern")
@click.argument("name")
@task_option
@flow_option
@asks_server
def bind(client: Client, pattern: str, name: str, is_task: bool, is_flow: bool) -> None:
    """Bind a queue, a task or a flow to a pattern of topics.

    `*` stands for one word, `#` at the end for any number of words.
    """
    binding = _binding(pattern, name, is_task, is_flow)
    with _NAMED[binding["target_type"]](client, name):
        answer = client.post("/bindings", binding)
    again = " already" if answer.status == 200 else ""
    made = Thing(answer.body, client.now_ms)
    click.echo(f"{made.text('pattern')} leads to {made.text('target_name')}{again}")


@topics.command()
@click.argument("pattern")
@click.argument("name")
@task_option
@flow_option
@asks_server
def unbind(client: Client, pattern: str, name: str, is_task: bool, is_flow: bool) -> None:
    """Unbind a queue, a task or a flow from a pattern."""
    answer = client.delete("/bindings", _binding(pattern, name, is_task, is_flow))
    if not Thing(answer.body, client.now_ms).value("deleted"):
        raise click.ClickException(
            f"{escaped(name)} is not bound to {escaped(pattern)}; see `spooled-lite topics list`"
        )
    click.echo(f"{escaped(pattern)} no longer leads to {escaped(name)}")


@topics.command("list")
@click.option("--topic", metavar="TOPIC", help="Only bindings that match this topic.")
@click.option("--queue", metavar="NAME", help="Only what leads to this queue.")
@click.option("--task", metavar="NAME", help="Only what leads to this task.")
@click.option("--flow", metavar="NAME", help="Only what leads to this flow.")
@limit_option
@as_json_option
@asks_server
def list_bindings(
    client: Client,
    topic: str | None,
    queue: str | None,
    task: str | None,
    flow: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List bindings, newest first."""
    named = [(kind, name) for kind, name in zip(_NAMED, (queue, task, flow), strict=True) if name]
    if len(named) > 1:
        raise click.UsageError("only one of --queue, --task and --flow can be given")
    target_type, target_name = named[0] if named else (None, None)
    print_list(
        client,
        "/bindings",
        COLUMNS,
        query={"topic": topic, "target_type": target_type, "target_name": target_name},
        limit=limit,
        as_json=as_json,
        none="Nothing is bound.",
    )


@topics.command()
@click.argument("topic")
@click.argument("body", metavar="JSON|-")
@click.option(
    "--key",
    metavar="TEXT",
    help="One message per key in each queue, one unfinished run of each task and flow.",
)
@as_json_option
@asks_server
def publish(client: Client, topic: str, body: str, key: str | None, as_json: bool) -> None:
    """Publish under a topic.

    Every queue that is bound to it gets a message, every task and every flow a run.

    With `-` its body is the standard input.
    """
    message = {"topic": topic, "body": given_json(body, "body")}
    if key is not None:
        message["concurrency_key"] = key
    answer = client.post("/publish", message)
    if as_json:
        print_answer(answer)
        return
    matched = Thing(answer.body, client.now_ms).value("matched") or 0
    click.echo(f"{counted(matched, 'target')} got it" if matched else "Nobody is bound to it.")


def _binding(pattern: str, name: str, is_task: bool, is_flow: bool) -> dict[str, str]:
    """Raises click.UsageError: it cannot be both."""
    if is_task and is_flow:
        raise click.UsageError("--task and --flow cannot be given together")
    target_type = "task" if is_task else "flow" if is_flow else "queue"
    return {"target_type": target_type, "target_name": name, "pattern": pattern}
