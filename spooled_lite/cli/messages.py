"""`spooled-lite messages`: sends messages to a queue, reads, hides and deletes them."""

from typing import Any, Final

import click
from msgspec import Raw

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted
from spooled_lite.cli.given import future, given_json
from spooled_lite.cli.queue_names import queue_named
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    Thing,
    ago,
    number,
    print_answer,
    print_list,
    print_table,
    text,
)

STATES: Final = ("visible", "hidden", "all")
SPARE: Final = 30.0  # seconds beside the wait of a read
COLUMNS: Final = (
    text("ID", whole=True),
    text("STATE", whole=True, optional=True),
    number("PRIO", "priority"),
    number("READ", "deliveries"),
    ago("SENT", "created_at"),
    ago("VISIBLE", "visible_at"),
    text("KEY", "concurrency_key", optional=True),
    text("TOPIC", optional=True),
    text("BODY"),
)


@click.group(cls=SuggestingGroup)
def messages() -> None:
    """Send messages to queues, look at them, read, hide and delete them."""


@messages.command()
@click.argument("queue")
@click.argument("body", metavar="JSON|-")
@click.option("--priority", type=int, metavar="N", help="Higher goes first.")
@click.option("--delay", "visible_at", type=future, metavar="TIME", help="Not before this time.")
@click.option("--expires", "expires_at", type=future, metavar="TIME", help="Gone from then on.")
@click.option("--key", "concurrency_key", metavar="TEXT", help="One message per key in a queue.")
@click.option("--topic", metavar="TEXT", help="A label.")
@as_json_option
@asks_server
def send(client: Client, queue: str, body: str, as_json: bool, **more: Any) -> None:
    """Send a message and print its id. With `-` its body is the standard input."""
    message = {"body": given_json(body, "body")}
    message |= {name: each for name, each in more.items() if each is not None}
    with queue_named(client, queue):
        answer = client.post(path_of("queues", queue, "messages"), message)
    if as_json:
        print_answer(answer)
        return
    sent = Thing(answer.body, client.now_ms)
    click.echo(sent.text("id"))
    if sent.value("created") is False:
        click.echo("Another message has this key.", err=True)


@messages.command("list")
@click.argument("queue")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@limit_option
@as_json_option
@asks_server
def list_messages(
    client: Client, queue: str, state: str | None, limit: int | None, as_json: bool
) -> None:
    """List messages without reading them, oldest first."""
    with queue_named(client, queue):
        print_list(
            client,
            path_of("queues", queue, "messages"),
            COLUMNS,
            query={"state": state},
            limit=limit,
            as_json=as_json,
            none="No messages.",
        )


@messages.command()
@click.argument("queue")
@click.option("--quantity", type=click.IntRange(1, 100), default=1, metavar="N")
@click.option(
    "--hide", "hide_seconds", type=click.IntRange(1, 43_200), default=30, metavar="SECONDS",
    help="How long others do not see them; 30 when left out.",
)  # fmt: skip
@click.option(
    "--wait", "wait_seconds", type=click.IntRange(0, 60), default=0, metavar="SECONDS",
    help="How long to wait when there is none.",
)  # fmt: skip
@as_json_option
@asks_server
def read(
    client: Client, queue: str, quantity: int, hide_seconds: int, wait_seconds: int, as_json: bool
) -> None:
    """Read messages and hide them from others for a while. Delete those that are done."""
    wanted = {
        "quantity": quantity,
        "hide_for_ms": hide_seconds * 1000,
        "wait_ms": wait_seconds * 1000,
    }
    with queue_named(client, queue):
        answer = client.post(
            path_of("queues", queue, "messages", "read"), wanted, seconds=wait_seconds + SPARE
        )
    if as_json:
        print_answer(answer)
        return
    found = [Thing(each, client.now_ms) for each in answer.read(dict[str, list[Raw]])["messages"]]
    if found:
        print_table(found, COLUMNS)
    else:
        click.echo("No messages.", err=True)


@messages.command()
@click.argument("queue")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--for", "hide_seconds", type=click.IntRange(1, 43_200), required=True, metavar="SECONDS",
    help="From now on.",
)  # fmt: skip
@as_json_option
@asks_server
def hide(
    client: Client, queue: str, ids: tuple[str, ...], hide_seconds: int, as_json: bool
) -> None:
    """Hide messages for a while, whether somebody reads them or not."""
    _change(client, queue, "hide", {"ids": ids, "hide_for_ms": hide_seconds * 1000}, as_json)


@messages.command()
@click.argument("queue")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@as_json_option
@asks_server
def delete(client: Client, queue: str, ids: tuple[str, ...], as_json: bool) -> None:
    """Delete messages that are done."""
    _change(client, queue, "delete", {"ids": ids}, as_json)


def _change(client: Client, queue: str, act: str, body: dict[str, Any], as_json: bool) -> None:
    """Fails when not one of them is there."""
    done = "hidden" if act == "hide" else "deleted"
    with queue_named(client, queue):
        answer = client.post(path_of("queues", queue, "messages", act), body)
    if as_json:
        print_answer(answer)
    count = len(Thing(answer.body, client.now_ms).value(done) or ())
    if not count:
        raise click.ClickException("none of these messages is in this queue")
    if not as_json:
        click.echo(f"{counted(count, 'message')} {done}")
