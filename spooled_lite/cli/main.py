"""The `spooled-lite` command. A subcommand is imported only when it is called, to start quickly."""

import gc
import importlib
import keyword
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click

import spooled_lite
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.output import fill_closed_streams

# The subcommands by what they are for, and their help. Each is a function in the module of the same
# name; a word of the language has `_` behind it.
GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "Run a server": {
        "serve": "Start the server.",
        "config": "Print the file that `serve --config` takes.",
        "health": "Ask a server whether it can take work.",
    },
    "Ask a server": {
        "jobs": "Create jobs, look at them, change them, work on them.",
        "queues": "Look at queues, configure, pause, empty, delete them.",
        "messages": "Send messages to queues, read, hide, delete them.",
        "topics": "Bind queues to topics, publish under topics.",
        "inbox": "Put notifications into inboxes, look at them, mark them.",
        "tasks": "Define tasks, run them, look at runs, cancel them.",
        "flows": "Define flows, run them, draw them, signal and cancel runs.",
        "dlq": "Look at dead letters, put them back, delete them.",
        "schedules": "Look at schedules, create, try, pause, delete them.",
        "workflows": "Look at workflows, create, cancel, retry them.",
        "webhooks": "Look at outgoing webhooks, create, try, delete them.",
        "workers": "List the workers of a server.",
        "events": "Print what has happened on a server, and what happens.",
        "top": "Show the queues of a server and what happens, each second.",
        "keys": "Create, list and revoke API keys, also in a database file.",
        "orgs": "List organizations, create, limit, suspend them.",
    },
    "Keep its file": {
        "backup": "Back up a database file, also beside its server.",
        "backups": "List, check and delete backups.",
        "restore": "Bring a backup back as a database file.",
        "check": "Check a database file and its counters.",
        "export": "Write all that a database holds as lines of JSON.",
        "import": "Make a database file of an export.",
        "migrate": "List the migrations of a database file, apply them.",
        "migrate-to": "Move to another server: plan, copy, switch, move, verify.",
        "compact": "Give the disk back what a database file does not need.",
    },
    "Develop": {
        "openapi": "Print the OpenAPI document.",
        "record": "Record the requests of an application and their answers.",
        "replay": "Ask a server what a recording asked, and compare.",
        "bench": "Measure a running server.",
    },
}
COMMANDS: Final = {name: help for group in GROUPS.values() for name, help in group.items()}


@contextmanager
def told_of_lost_output() -> Iterator[None]:
    """End the command with one line and exit code 1 when its output cannot be written.

    That happens on a full disk, for example. A closed pipe ends the command without a message.
    """
    try:
        yield
        if sys.stdout is not None:  # None when it was closed before the start
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"the output cannot be written: {error.strerror}") from error


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Pause the garbage collector while modules are imported.

    Its searches would find nothing, since imported modules stay, and take an eighth of the time
    until the first answer.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class LazyGroup(SuggestingGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        with no_search_for_cycles():
            module = importlib.import_module(f"spooled_lite.cli.{name}")
        command = getattr(module, name)
        assert isinstance(command, click.Command), f"{cmd_name} is a command"
        return command

    def invoke(self, ctx: click.Context) -> Any:
        with told_of_lost_output():
            return super().invoke(ctx)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with told_of_lost_output():  # help is printed while the command line is read
            return super().make_context(*args, **kwargs)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # click would import every command to get its help.
        width = max(len(name) for name in COMMANDS)
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), help) for name, help in group.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`spooled-lite COMMAND --help` says more about a command.",
)
@click.version_option(spooled_lite.__version__, prog_name="spooled-lite")
def main() -> None:
    """A durable job queue and scheduler in one process, on one SQLite file."""
    fill_closed_streams()
