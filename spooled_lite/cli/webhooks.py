"""`spooled-lite webhooks`: addresses that are called when events happen."""

import sys
from typing import Any, Final

import click

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.consent import get_consent, yes_option
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.named import id_of
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import Column, Thing, ago, number, print_answer, print_list, text
from spooled_lite.config_secrets import BadSecretFile, read_secret

TEST_SECONDS_MAX: Final = 60.0  # the receiver is waited for


def _state(thing: Thing) -> str:
    return "on" if thing.value("enabled") else "off"


COLUMNS: Final = (
    text("ID", whole=True),
    text("NAME"),
    Column("STATE", _state, whole=True),
    text("LAST", "last_status", whole=True),
    ago("CALLED", "last_triggered_at"),
    number("FAILURES", "failure_count"),
    text("EVENTS"),
    text("ADDRESS", "url"),
)


@click.group(cls=SuggestingGroup)
def webhooks() -> None:
    """Look at outgoing webhooks, create, try and delete them. They go by id or by name."""


@webhooks.command("list")
@limit_option
@as_json_option
@asks_server
def list_webhooks(client: Client, limit: int | None, as_json: bool) -> None:
    """List webhooks, the newest first."""
    path = "/outgoing-webhooks"
    print_list(client, path, COLUMNS, limit=limit, as_json=as_json, none="No webhooks.")


@webhooks.command()
@click.argument("name")
@click.argument("address", metavar="URL")
@click.option("--event", "events", multiple=True, metavar="EVENT",
              help="Such as job.completed; repeatable.")  # fmt: skip
@click.option("--topic", "topics", multiple=True, metavar="PATTERN",
              help="Of live messages, such as 'order.#'; repeatable.")  # fmt: skip
@click.option("--format", "body_format", type=click.Choice(["json", "slack", "discord", "teams"]))
@click.option("--secret-file", metavar="PATH", help="A file with the secret that signs the calls.")
@as_json_option
@asks_server
def create(
    client: Client, name: str, address: str, events: tuple[str, ...], topics: tuple[str, ...],
    body_format: str | None, secret_file: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Have an address called when events happen, or live messages are sent.

    Prints the id of the webhook.
    """
    if not events and not topics:
        raise click.UsageError("Say with --event or --topic what it is called for.")
    body: dict[str, Any] = {"name": name, "url": address, "events": events}
    if topics:
        body["topics"] = topics
    if body_format is not None:
        body["format"] = body_format
    if secret_file is not None:
        try:
            body["secret"] = read_secret(secret_file)
        except BadSecretFile as error:
            raise click.BadParameter(f"{secret_file} {error}", param_hint="--secret-file") from None
    answer = client.post("/outgoing-webhooks", body)
    if as_json:
        print_answer(answer)
    else:
        click.echo(Thing(answer.body, client.now_ms).text("id"))


@webhooks.command()
@click.argument("webhook", metavar="ID|NAME")
@as_json_option
@asks_server
def test(client: Client, webhook: str, as_json: bool) -> None:
    """Call it once and say what came back.

    Exit code 1 when that was no success.
    """
    answer = client.post(_path(client, webhook, "test"), seconds=TEST_SECONDS_MAX)
    result = Thing(answer.body, client.now_ms)
    if as_json:
        print_answer(answer)
    else:
        parts = [result.text("status"), result.text("status_code"), result.text("error")]
        told = "  ".join(part for part in parts if part != "-")
        click.echo(f"{told}  {result.text('response_time_ms')} ms")
    if not result.value("success"):
        sys.exit(1)


@webhooks.command()
@click.argument("webhook", metavar="ID|NAME")
@yes_option
@as_json_option
@asks_server
def delete(client: Client, webhook: str, yes: bool, as_json: bool) -> None:
    """Delete a webhook and the log of its deliveries."""
    path = _path(client, webhook)
    get_consent(f"Delete {message_of(webhook)} and its deliveries?", is_given=yes)
    client.delete(path)
    if not as_json:
        click.echo(f"{message_of(webhook)} is deleted")


def _path(client: Client, webhook: str, *more: str) -> str:
    return path_of("outgoing-webhooks", id_of(client, "/outgoing-webhooks", webhook), *more)
