"""What the commands about tasks and flows share: definitions, new runs, and the end of a run."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from spooled_lite.cli.client import Client
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.given import future, given_json
from spooled_lite.cli.things import Thing, print_answer, print_line

F = TypeVar("F", bound=Callable[..., Any])

WAIT_SECONDS_MAX: Final = 60
SPARE: Final = 30.0  # seconds beside the wait for a run
_OPTIONS: Final = (
    click.option("--priority", type=int, metavar="N", help="Higher goes first."),
    click.option(
        "--delay", "visible_at", type=future, metavar="TIME", help="Not before this time."
    ),
    click.option("--expires", "expires_at", type=future, metavar="TIME", help="Over from then on."),
    click.option("--key", "concurrency_key", metavar="TEXT", help="One unfinished run per key."),
    click.option(
        "--wait",
        "wait_seconds",
        type=click.IntRange(1, WAIT_SECONDS_MAX),
        metavar="SECONDS",
        help="Wait for its end, and print its output.",
    ),
)


def run_options(command: F) -> F:
    """The options of a command that makes a run."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def define_named(client: Client, path: str, definition: str, *, as_json: bool) -> None:
    """Store a definition, which `-` reads from the standard input, and say its revision."""
    answer = client.put(path, given_json(definition, "definition"))
    if as_json:
        print_answer(answer)
        return
    thing = Thing(answer.body, client.now_ms)
    changed = "" if thing.value("changed") else ", as before"
    click.echo(f"{thing.text('name')} is at revision {thing.text('revision')}{changed}")
    for warning in thing.value("warnings") or ():
        click.echo(message_of(str(warning)), err=True)


def tell_if_known(made: Thing) -> None:
    """Say that a run was not made, because another one has its key."""
    if made.value("created") is False:
        click.echo("A run with this key has not ended yet.", err=True)


def wait_for_output(client: Client, path: str, run_id: str, seconds: int, *, as_json: bool) -> None:
    """Print what came of a run. Fails unless it is completed or skipped when the time is up."""
    answer = client.ask("GET", path, {"timeout_ms": str(seconds * 1000)}, seconds=seconds + SPARE)
    outcome = Thing(answer.body, client.now_ms)
    state = outcome.value("state")
    if as_json:
        print_answer(answer)
    if state in ("completed", "skipped"):
        if not as_json:
            print_line(outcome.raw("output"))
        return
    reason = outcome.value("error_message") or outcome.value("cancel_reason")
    why = "" if reason is None else f": {message_of(str(reason))}"
    raise click.ClickException(f"run {message_of(run_id)} is {message_of(str(state))}{why}")
