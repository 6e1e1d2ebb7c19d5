"""`spooled-lite migrate-to`: moves an organization to another Spooled, step by step."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import KeyKind, client_of, key_options, url_option
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.moving.config import compare
from spooled_lite.cli.moving.copy import copy
from spooled_lite.cli.moving.jobs import move_jobs
from spooled_lite.cli.moving.ledger import Ledger, ledger_at
from spooled_lite.cli.moving.plan import plan_of
from spooled_lite.cli.moving.side import Side
from spooled_lite.cli.moving.switch import switch
from spooled_lite.cli.moving.verify import note_baseline, verify

LEDGER: Final = "spooled-moved.ndjson"
NOT_KEPT: Final = 2  # the exit code of --plan when something cannot be kept
THERE: Final = KeyKind(
    "API key of the other server",
    "--api-key",
    "Authorization",
    "Bearer ",
    environ="SPOOLED_THERE_API_KEY",
)
HERE: Final = KeyKind(
    "API key of this server",
    "--here-key",
    "Authorization",
    "Bearer ",
    parameter="here_key",
    environ="SPOOLED_API_KEY",
)


@click.command("migrate-to")
@click.argument("there_url", metavar="URL")
@key_options(THERE)
@url_option
@key_options(HERE)
@click.option("--plan", is_flag=True, help="Say what would be done, and what cannot be kept.")
@click.option("--copy", "copies", is_flag=True, help="Set up queues, schedules, webhooks, keys.")
@click.option("--switch", "switches", is_flag=True, help="Have schedules fire there, not here.")
@click.option("--move", "moves", is_flag=True, help="Move delayed jobs and dead letters.")
@click.option("--verify", "verifies", is_flag=True, help="Add up, and name what is left here.")
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False),
    default=LEDGER,
    show_default=True,
    help="The file in which the move is written down; the steps need the same one.",
)
def migrate_to(
    there_url: str,
    credential: str | None,
    credential_file: str | None,
    url: str,
    here_key: str | None,
    here_key_file: str | None,
    plan: bool,
    copies: bool,
    switches: bool,
    moves: bool,
    verifies: bool,
    ledger: str,
) -> None:
    """Move the organization of --here-key to the server at URL, one step per call.

    In the order --plan, --copy, --switch, --move, --verify. Each may be repeated, and goes on where
    it broke off. Workers run against both servers until this one is empty.

    --plan ends with 2 when something cannot be kept; --verify with 1 while something is left.
    """
    steps: dict[str, tuple[bool, Callable[[Side, Side, Ledger], Sequence[str]]]] = {
        "--copy": (copies, _copy),
        "--switch": (switches, _switch),
        "--move": (moves, _move),
        "--verify": (verifies, _verify),
    }
    chosen = [step for asked, step in steps.values() if asked]
    if len(chosen) + plan != 1:
        raise click.UsageError(f"give one of --plan, {', '.join(steps)}")
    with (
        client_of(HERE, url, here_key, here_key_file) as here_client,
        client_of(THERE, there_url, credential, credential_file) as there_client,
    ):
        here, there = _sides(here_client, there_client)
        if plan:
            _plan(here, there)
            return
        with ledger_at(
            ledger, here=here.organization_id, there=there.organization_id
        ) as open_ledger:
            problems = chosen[0](here, there, open_ledger)
    for problem in problems:
        for line in problem.splitlines():
            click.echo(f"mind           {escaped(line)}", err=True)
    if problems:
        sys.exit(1)


def _sides(here_client: Client, there_client: Client) -> tuple[Side, Side]:
    here, there = Side(here_client), Side(there_client)
    if here.organization_id == there.organization_id:
        raise click.UsageError(
            "both keys are of the same organization: --api-key is of the server at URL, and"
            " --here-key of the one at --url"
        )
    return here, there


def _plan(here: Side, there: Side) -> None:
    found = plan_of(here, there)
    for line in found.lines:
        click.echo(line)
    for loss in found.losses:
        click.echo(f"cannot keep    {loss}")
    if found.losses:
        sys.exit(NOT_KEPT)


def _copy(here: Side, there: Side, ledger: Ledger) -> Sequence[str]:
    note_baseline(here, ledger)
    copied = copy(compare(here, there), there, ledger, _tell_key)
    click.echo(
        f"copied         {copied.created} created · {copied.changed} changed ·"
        f" {copied.same} as they were"
    )
    return copied.problems


def _tell_key(name: str, secret: str) -> None:
    click.echo(f"key            {name}  {secret}  (shown only this once)")


def _switch(here: Side, there: Side, ledger: Ledger) -> Sequence[str]:
    done = switch(compare(here, there), here, there, ledger)
    click.echo(
        f"switched       {done.schedules} schedules ({done.slots} slots made up for) ·"
        f" {done.webhooks} webhooks on there"
    )
    click.echo(
        f"now            producers use {there.url} and a key of there; workers run against both"
        " until this server is empty"
    )
    return done.problems


def _move(here: Side, there: Side, ledger: Ledger) -> Sequence[str]:
    note_baseline(here, ledger)
    with _progress() as tell:
        tally = move_jobs(here, there, ledger, tell)
    click.echo(
        f"moved          {tally.moved:,} delayed jobs · {tally.dead:,} dead letters ·"
        f" {tally.stayed:,} stay until they are done"
    )
    if tally.with_webhook:
        click.echo(
            f"mind           {tally.with_webhook:,} of them have a completion webhook; its secret"
            " is shown nowhere, so its call is not signed there",
            err=True,
        )
    return tally.problems


def _verify(here: Side, there: Side, ledger: Ledger) -> Sequence[str]:
    found = verify(compare(here, there), here, there, ledger)
    for line in found.lines:
        click.echo(line)
    if not found.problems:
        click.echo(f"done           nothing is left at {escaped(here.url)}")
    return found.problems


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line that is written over, to a terminal only, and gone at the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda line: click.echo(f"\r{line}\x1b[K", err=True, nl=False)
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
