"""Has a running server make a backup, and waits until it is made."""

import time
from collections.abc import Callable
from typing import Final

import click
from msgspec import Raw, Struct

from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import ADMIN_KEY_KIND, checked_key
from spooled_lite.cli.escaped import message_of

LOOK_SECONDS: Final = 0.3  # between two looks how it goes on


class MadeBackup(Struct, frozen=True):
    name: str
    packed_bytes: int
    rows: int


class _Run(Struct, frozen=True):
    stage: str
    done_bytes: int
    all_bytes: int


class _Seen(Struct, frozen=True):
    tries: int
    backups: list[MadeBackup]
    under_way: _Run | None
    problem: str | None


class _AsSent(Struct, frozen=True):
    backups: list[Raw]


def ask_for_backup(
    url: str, admin_key: str, on_progress: Callable[[str, int, int], None]
) -> tuple[MadeBackup, Raw]:
    """Returns the new backup, and the same as GET /admin/backups shows it.

    `on_progress` is told the stage, and how many bytes of how many are done in it.

    Raises:
        click.ClickException: the server refused, cannot be reached, or no backup was made.
    """
    key = checked_key(ADMIN_KEY_KIND, admin_key, ADMIN_KEY_KIND.option)
    with Client(url, {ADMIN_KEY_KIND.header: key}) as client:
        answer = client.ask("POST", "/admin/backups")
        before = seen = answer.read(_Seen)
        while seen.tries == before.tries:
            if (run := seen.under_way) is not None:
                on_progress(message_of(run.stage), run.done_bytes, run.all_bytes)
            time.sleep(LOOK_SECONDS)
            answer = client.get("/admin/backups")
            seen = answer.read(_Seen)
    known = {each.name for each in before.backups}
    for made, shown in zip(seen.backups, answer.read(_AsSent).backups, strict=True):
        if made.name not in known:
            return made, shown
    raise click.ClickException(
        message_of(seen.problem or "no backup was made; the server's log says why")
    )
