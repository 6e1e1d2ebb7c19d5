"""Writes to a database file for commands, while no server uses it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import click

from spooled_lite.clock import SystemClock
from spooled_lite.errors import SpooledError
from spooled_lite.events import EventBus
from spooled_lite.ids import Ids
from spooled_lite.storage.database import Database
from spooled_lite.storage.file_guard import CannotUseFile, FileInUse
from spooled_lite.storage.file_identity import count_opening
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.transaction import Hooks, Tx
from spooled_lite.storage.writer import WriterSettings
from spooled_lite.wire.waiting.claims import Waiting

T = TypeVar("T")


def write_offline(path: str, operation: Callable[[Tx], T], *, instead: str) -> T:
    """Run one operation on the file and commit it, with the same care as a server.

    `instead` tells the user which call does the same on a running server.

    Raises:
        click.ClickException: there is no such file, a server uses it, or the operation failed.
    """
    try:
        check_known(path)
        return asyncio.run(_write(path, operation))
    except FileInUse as error:
        raise click.ClickException(f"{error}. Stop it first, or {instead}") from error
    except CannotUseFile as error:
        raise click.ClickException(str(error)) from error
    except (SpooledError, sqlite3.Error, OSError) as error:
        raise click.ClickException(f"{path}: {error}") from error


async def _write(path: str, operation: Callable[[Tx], T]) -> T:
    async with offline(path, Hooks()) as database:
        return await database.write(operation)


@asynccontextmanager
async def offline(path: str, hooks: Hooks) -> AsyncIterator[Database]:
    """A database without a server. What happens in it is counted and noted as `hooks` say.

    Raises: as `Database`.
    """
    database = Database(
        path,
        WriterSettings(),
        clock=SystemClock(),
        ids=Ids(),
        bus=EventBus(),
        hooks=hooks,
        waiting=Waiting(),
        on_due=lambda kind, at_ms: None,
    ).start()
    try:
        await database.write(count_opening)
        yield database
    finally:
        await asyncio.to_thread(database.close)
