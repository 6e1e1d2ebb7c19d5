"""The store that an option of a command names, and errors of stores for people."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from spooled_lite.backups.copies import BackupFailed
from spooled_lite.backups.restore import RestoreFailed
from spooled_lite.backups.sending import spool_of
from spooled_lite.backups.shelf import NoBackup
from spooled_lite.config import ConfigError, Settings, load
from spooled_lite.outbound import store_places
from spooled_lite.outbound.stores import Store, StoreTrouble
from spooled_lite.storage.file_guard import CannotUseFile

PLACE_HELP: Final = "Where backups are: a folder, or s3://BUCKET/PREFIX."


def store_at(place: str) -> Store:
    """A bucket is found as the settings of a server say, which are variables here.

    Raises click.ClickException: it is no place for backups, or cannot be used.
    """
    settings = settings_here()
    with named_failures():
        return store_places.store_at(
            place, endpoint=settings.backup_s3_endpoint, region=settings.backup_s3_region
        )


def spool_at(place: str, database: str) -> Path:
    """Raises click.ClickException: nothing can be written to it."""
    with named_failures():
        return spool_of(place, settings_here().backup_spool, database)


def settings_here() -> Settings:
    """As the variables say; a command is told of no config file."""
    with named_failures():
        return load(flags={})[0]


@contextmanager
def named_failures(database: str | None = None) -> Iterator[None]:
    """End the command with a line that says what is wrong, and exit code 1.

    `database`: the file that SQLite reads, since SQLite does not name it.
    """
    try:
        yield
    except (
        BackupFailed,
        RestoreFailed,
        NoBackup,
        StoreTrouble,
        CannotUseFile,
        ConfigError,
    ) as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        named = "" if database is None else f"{database}: "
        raise click.ClickException(f"{named}{error}") from error
    except OSError as error:
        raise click.ClickException(str(error)) from error
