"""`spooled-lite replay`: asks a server what a recording asked, and compares the answers."""

import asyncio
import sys

import click
import uvloop

from spooled_lite.recording.learned import Credentials
from spooled_lite.recording.replay import CannotReplay, ReplayOutcome, replayed
from spooled_lite.recording.report import as_json, as_junit, as_lines
from spooled_lite.recording.rules import BadRules, DiffRules
from spooled_lite.recording.server_address import BadTarget, ServerAddress
from spooled_lite.recording.tape import CannotRead, read


@click.command()
@click.argument("file", type=click.Path())
@click.option("--url", envvar="SPOOLED_URL", required=True, help="The server to ask.")
@click.option(
    "--api-key", envvar="SPOOLED_API_KEY", required=True, help="An API key of that server."
)
@click.option("--admin-key", help="Its admin key, if the recording has calls of an administrator.")
@click.option("--rules", "rules_file", type=click.Path(), help="A file of rules for differences.")
@click.option(
    "--timeout",
    "answer_seconds",
    type=click.FloatRange(0.1, 600),
    default=75,
    show_default=True,
    help="Seconds for each answer.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object.")
@click.option("--junit", "form", flag_value="junit", help="Print JUnit XML.")
def replay(
    file: str,
    url: str,
    api_key: str,
    admin_key: str | None,
    rules_file: str | None,
    answer_seconds: float,
    form: str | None,
) -> None:
    """Replay a recording against a server, one request at a time, and compare the answers.

    It writes what the recording wrote: use a server for tests. Exit codes: 0 when all answers are
    equal, 1 when some differ, 2 when the replay could not be made.
    """
    try:
        target = ServerAddress.of(url)
        rules = DiffRules([]) if rules_file is None else DiffRules.read(rules_file)
        recording = read(file)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            outcome = runner.run(
                replayed(
                    recording,
                    target,
                    Credentials(api_key, admin_key),
                    rules,
                    answer_seconds=answer_seconds,
                )
            )
    except (BadTarget, BadRules, CannotRead, CannotReplay) as error:
        raise NotReplayed(str(error)) from error
    if recording.is_cut_short:
        click.echo(f"{file} ends in the middle of a line, which was left out", err=True)
    _print(outcome, form)
    sys.exit(1 if outcome.differ_count else 0)


class NotReplayed(click.ClickException):
    """Nothing is known about the server."""

    exit_code = 2


def _print(outcome: ReplayOutcome, form: str | None) -> None:
    if form == "json":
        click.echo(as_json(outcome))
    elif form == "junit":
        click.echo(as_junit(outcome))
    else:
        for line in as_lines(outcome):
            click.echo(line)
