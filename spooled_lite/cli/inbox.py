"""`spooled-lite inbox`: what waits for the users of an application, and what they have seen."""

from collections.abc import Iterator
from typing import Any, Final

import click
from msgspec import Raw, Struct

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import counted
from spooled_lite.cli.given import future, input_bytes
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Thing, ago, print_answer, print_things, text

PAGE: Final = 1_000  # as many as the API gives in one answer
COLUMNS: Final = (
    text("ID", whole=True),
    text("TOPIC", whole=True),
    ago("SENT", "created_at"),
    ago("SEEN", "seen_at"),
    ago("EXPIRES", "expires_at"),
    text("KEY", "collapse_key", optional=True),
    text("MESSAGE"),
)
SEEN_COLUMNS: Final = tuple(column for column in COLUMNS if column.title != "EXPIRES")
UNSEEN_COLUMNS: Final = tuple(column for column in COLUMNS if column.title != "SEEN")


class _InboxPage(Struct):
    notifications: list[Raw]
    cursor: int


@click.group(cls=SuggestingGroup)
def inbox() -> None:
    """Look at inboxes, put notifications into them, mark these as seen."""


@inbox.command("list")
@click.argument("identity")
@click.option("--seen", "is_seen", is_flag=True, help="Those that were seen, newest first.")
@limit_option
@as_json_option
@asks_server
def list_inbox(
    client: Client, identity: str, is_seen: bool, limit: int | None, as_json: bool
) -> None:
    """List what an identity has not seen, oldest first."""
    print_things(
        client,
        lambda count: _notifications(client, identity, count, is_seen=is_seen),
        SEEN_COLUMNS if is_seen else UNSEEN_COLUMNS,
        limit=limit,
        as_json=as_json,
        none="No notifications.",
    )


@inbox.command()
@click.argument("identity")
@click.argument("topic")
@click.argument("message", required=False, metavar="[TEXT|-]")
@click.option("--key", "collapse_key", metavar="TEXT", help="Only the newest one per key waits.")
@click.option("--expires", "expires_at", type=future, metavar="TIME", help="Gone from then on.")
@as_json_option
@asks_server
def send(
    client: Client, identity: str, topic: str, message: str | None, as_json: bool, **more: Any
) -> None:
    """Put a notification into an inbox and print its id.

    With `-` its message is the standard input.
    """
    if message == "-":
        message = input_bytes().decode("utf-8", "replace")
    body = {"topic": topic, "message": message, **more}
    answer = client.post(
        path_of("inbox", identity),
        {name: each for name, each in body.items() if each is not None},
    )
    if as_json:
        print_answer(answer)
    else:
        click.echo(Thing(answer.body, client.now_ms).text("id"))


@inbox.command()
@click.argument("identity")
@click.argument("ids", nargs=-1, type=int, metavar="ID...")
@click.option("--until", type=click.IntRange(min=0), metavar="ID", help="All up to this one.")
@as_json_option
@asks_server
def seen(
    client: Client, identity: str, ids: tuple[int, ...], until: int | None, as_json: bool
) -> None:
    """Mark notifications as seen: those that are named, or all up to one."""
    if bool(ids) == (until is not None):
        raise click.UsageError("say which: their IDs, or --until ID")
    body = {"ids": ids} if ids else {"until": until}
    answer = client.post(path_of("inbox", identity, "seen"), body)
    if as_json:
        print_answer(answer)
        return
    count = Thing(answer.body, client.now_ms).value("marked") or 0
    click.echo(f"{counted(count, 'notification')} marked as seen")


def _notifications(
    client: Client, identity: str, count: int | None, *, is_seen: bool
) -> Iterator[Raw]:
    """The first so many, or all; read page by page."""
    query = {"seen": "true"} if is_seen else {}
    while count is None or count > 0:
        size = PAGE if count is None else min(count, PAGE)
        answer = client.get(path_of("inbox", identity), {**query, "limit": str(size)})
        page = answer.read(_InboxPage)
        yield from page.notifications
        if not page.notifications:
            return
        if count is not None:
            count -= len(page.notifications)
        query["before" if is_seen else "after"] = str(page.cursor)
