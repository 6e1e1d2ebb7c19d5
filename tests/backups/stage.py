"""A folder for backups, a server's file with notes in it, and backups of both kinds."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from spooled_lite.backups.copies import CopyProgress, Work, back_up_file, back_up_running
from spooled_lite.backups.manifest import Manifest
from spooled_lite.outbound.stores import Folder
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.database import Database
from spooled_lite.storage.pin import PinLimits
from tests.storage.stage import NOON_MS, a_database, add, run


def a_store(folder: Path) -> Folder:
    folder.mkdir(exist_ok=True)
    return Folder(str(folder))


def work_in(
    folder: Path,
    *,
    now_ms: int = NOON_MS,
    on_progress: Callable[[CopyProgress], None] = lambda progress: None,
) -> Work:
    return Work(
        store=a_store(folder),
        folder=folder,
        now_ms=lambda: now_ms,
        bytes_per_second=0,
        on_progress=on_progress,
    )


def a_file(path: Path, *texts: str) -> Path:
    """A whole file with these notes, which no server uses."""

    async def main() -> None:
        async with a_database(path) as db:
            for text in texts:
                await db.write(add, text)

    run(main())
    return path


def backed_up(path: Path, work: Work) -> Manifest:
    """Of a file that no server uses, or of one that does not know of it."""
    connection = open_reader(str(path))
    try:
        return back_up_file(connection, work)
    finally:
        connection.close()


async def backed_up_beside(db: Database, work: Work) -> Manifest:
    pin = db.pin(PinLimits(), is_stopping=lambda: False)
    return await asyncio.to_thread(back_up_running, pin, work)


def notes_of(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY seq")]
    finally:
        connection.close()
