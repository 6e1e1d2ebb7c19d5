"""`spooled-lite top`: what a server does, each second."""

import sys
import time
from collections import deque
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.live import Live

from spooled_lite.cli.answer import ServerRefused, Unreachable
from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import as_json_option, asks_server
from spooled_lite.cli.things import print_line
from spooled_lite.cli.watch.look import ServerLook, look_at
from spooled_lite.cli.watch.screen import screen
from spooled_lite.times import format_ms

LOOK_SECONDS: Final = 1.0
RATE_LOOKS: Final = 10  # rates are of as many seconds, so that they can be read
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})


@click.command()
@asks_server
@click.option("--once", is_flag=True, help="Print one look and end.")
@as_json_option
def top(client: Client, once: bool, as_json: bool) -> None:
    """Show the queues of a server and what happens, each second, until Ctrl-C.

    Queues with the worst problems come first. The figures in the first lines are of the whole
    server, those below of the queues that the key may see. Where the output is no terminal, this
    is as with --once.
    """
    console = Console(highlight=False, soft_wrap=False)
    try:
        if as_json:
            _print_json(client, once=once)
        elif once or not console.is_terminal:
            console.print(_whole_screen(look_at(client, None), console), no_wrap=True, crop=False)
        else:
            _show(client, console)
    except KeyboardInterrupt:
        sys.exit(0)  # the way to end it, and no failure


def _print_json(client: Client, *, once: bool) -> None:
    """One object a look. Rates are of the time since the look before."""
    before: ServerLook | None = None
    while True:
        before = look_at(client, before)
        print_line(msgspec.json.encode(_plain(before)))
        if once:
            return
        time.sleep(LOOK_SECONDS)


def _plain(look: ServerLook) -> dict[str, object]:
    return {
        "at": format_ms(look.at_ms),
        "server": look.server,
        "queues": look.queues,
        "events": [{"type": each.kind, "data": each.data} for each in look.events],
    }


def _show(client: Client, console: Console) -> None:
    looks: deque[ServerLook] = deque([look_at(client, None)], maxlen=RATE_LOOKS)
    trouble = ""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            look = looks[-1]
            live.update(
                screen(look, columns=console.width, lines=console.height, trouble=trouble),
                refresh=True,
            )
            time.sleep(LOOK_SECONDS)
            try:
                looks.append(look_at(client, looks[0]))
                trouble = ""
            except Unreachable as error:
                trouble = error.message
            except ServerRefused as error:
                if error.status not in _PASSING:
                    raise
                trouble = error.message


def _whole_screen(look: ServerLook, console: Console) -> object:
    """Everything, however high the terminal is."""
    return screen(look, columns=console.width, lines=len(look.queues) + 100)
