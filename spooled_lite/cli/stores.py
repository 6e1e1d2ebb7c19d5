"""The store that an option of a command names, and errors of stores for people."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import click

from spooled_lite.backups.copies import BackupFailed
from spooled_lite.backups.restore import RestoreFailed
from spooled_lite.backups.shelf import NoBackup
from spooled_lite.outbound.stores import Folder, StoreTrouble
from spooled_lite.storage.file_guard import CannotUseFile


def store_at(place: str) -> Folder:
    """Raises click.ClickException: it is no place for backups, or cannot be used."""
    if "://" in place:
        raise click.ClickException(f"{place}: backups are kept in a folder; name its path")
    store = Folder(place)
    with named_failures():
        store.check()
    return store


@contextmanager
def named_failures() -> Iterator[None]:
    """End the command with a line that says what is wrong, and exit code 1."""
    try:
        yield
    except (BackupFailed, RestoreFailed, NoBackup, StoreTrouble, CannotUseFile) as error:
        raise click.ClickException(str(error)) from error
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(str(error)) from error
