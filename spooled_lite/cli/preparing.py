"""What a restored file gets before it is served, and what is said of it at the end."""

import asyncio
import time

import click

from spooled_lite.app import hooks
from spooled_lite.backups.restore import Restored
from spooled_lite.cli.keys_alive import KeysAlive, keys_alive, said_of_keys
from spooled_lite.cli.offline import offline
from spooled_lite.core.maintenance.restored import (
    REASON,
    free_leases,
    pause_queues,
    skip_events,
)
from spooled_lite.core.webhooks.hold import hold_webhooks
from spooled_lite.storage.database import Database


class Preparing:
    """Prepares one file, as the options of the command say."""

    def __init__(self, path: str, *, frees: bool, pauses: bool, holds: bool) -> None:
        """`path`: where the file will be, and where a newer one may be now."""
        self._path = path
        self._frees = frees
        self._pauses = pauses
        self._holds = holds
        self._alive: KeysAlive = None
        self._began = time.monotonic()

    def prepare(self, unpacked: str) -> None:
        asyncio.run(self._change(unpacked))
        self._alive = keys_alive(unpacked, newer=self._path)

    def say(self, done: Restored) -> None:
        if done.old is not None:
            click.echo(f"kept      the file that was there, as {done.old}")
        click.echo(f"wrote     {done.path} in {time.monotonic() - self._began:.1f} s")
        if self._holds:
            click.echo("held      webhook calls, until POST /api/v1/admin/webhooks/resume")
        click.echo("mind      jobs that were settled after that moment run again")
        for line in said_of_keys(self._alive):
            click.echo(line)

    async def _change(self, path: str) -> None:
        async with offline(path, hooks()) as database:
            await database.write(skip_events)
            while self._frees and await database.write(free_leases) > 0:
                pass
            await prepare(database, pauses=self._pauses, holds=self._holds, reason=REASON)


async def prepare(database: Database, *, pauses: bool, holds: bool, reason: str) -> None:
    """Let nothing begin by itself when the file is served. `reason`: why queues are paused."""
    if holds:
        await database.write(hold_webhooks)
    while pauses and await database.write(pause_queues, reason) > 0:
        pass
