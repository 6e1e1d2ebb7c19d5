"""`spooled-lite topics`: which queues get what is published, and publishing."""

from typing import Final

import click

from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted
from spooled_lite.cli.given import given_json
from spooled_lite.cli.queue_names import queue_named
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Thing, ago, print_answer, print_list, text

COLUMNS: Final = (
    text("PATTERN", whole=True),
    text("TO", "target_type", whole=True),
    text("NAME", "target_name"),
    ago("BOUND", "created_at"),
)


@click.group(cls=SuggestingGroup)
def topics() -> None:
    """Bind queues to patterns of topics, look at that, and publish."""


@topics.command()
@click.argument("pattern")
@click.argument("queue")
@asks_server
def bind(client: Client, pattern: str, queue: str) -> None:
    """Let topics that match lead to a queue.

    `*` stands for one word, `#` at the end for any number of words.
    """
    with queue_named(client, queue):
        answer = client.post("/bindings", _binding(pattern, queue))
    again = " already" if answer.status == 200 else ""
    made = Thing(answer.body, client.now_ms)
    click.echo(f"{made.text('pattern')} leads to {made.text('target_name')}{again}")


@topics.command()
@click.argument("pattern")
@click.argument("queue")
@asks_server
def unbind(client: Client, pattern: str, queue: str) -> None:
    """Take that back."""
    answer = client.delete("/bindings", _binding(pattern, queue))
    if not Thing(answer.body, client.now_ms).value("deleted"):
        raise click.ClickException("it is not bound so; see `spooled-lite topics list`")
    click.echo("Taken back.")


@topics.command("list")
@click.option("--topic", metavar="TOPIC", help="Who would get what is published under it.")
@click.option("--queue", metavar="NAME", help="Only what leads to this queue.")
@limit_option
@as_json_option
@asks_server
def list_bindings(
    client: Client, topic: str | None, queue: str | None, limit: int | None, as_json: bool
) -> None:
    """List what is bound, newest first."""
    print_list(
        client,
        "/bindings",
        COLUMNS,
        query={"topic": topic, "target_name": queue},
        limit=limit,
        as_json=as_json,
        none="Nothing is bound.",
    )


@topics.command()
@click.argument("topic")
@click.argument("body", metavar="JSON|-")
@click.option("--key", metavar="TEXT", help="One message per key in each queue.")
@as_json_option
@asks_server
def publish(client: Client, topic: str, body: str, key: str | None, as_json: bool) -> None:
    """Send a message to every queue that is bound to the topic.

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


def _binding(pattern: str, queue: str) -> dict[str, str]:
    return {"target_type": "queue", "target_name": queue, "pattern": pattern}
