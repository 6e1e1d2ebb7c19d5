"""How many forks there may be, and what is said when there is no room for one more."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.trouble import reason_of, reason_of_os, unavailable
from spooled_lite.testing.refusals import WorldsFull
from spooled_lite.wire.listen import file_limit

FORKS_MAX: Final = 1_000  # each has a file, some threads and about a megabyte
# Seven at rest, more while it has requests. Forks have half of the files that the process may have
# open: without any to spare nobody could connect, not even to delete a fork.
FILES_OF_FORK: Final = 12


def forks_max() -> int:
    """As the limit of open files is now."""
    files_max = file_limit()
    if files_max < 0:  # there is none
        return FORKS_MAX
    return min(FORKS_MAX, files_max // 2 // FILES_OF_FORK)


def check_room(fork_count: int) -> None:
    """Raises WorldsFull: so many forks leave no room for one more."""
    most = forks_max()
    if fork_count >= most:
        raise WorldsFull(most, file_limit() if most < FORKS_MAX else None)


@contextmanager
def room_for_files() -> Iterator[None]:
    """Raises Unavailable: the file of a world found no room on the disk."""
    try:
        yield
    except OSError as error:
        reason = reason_of_os(error)
        if reason is None:
            raise
        raise unavailable(reason) from error
    except sqlite3.Error as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise unavailable(reason) from error
    except CannotUseFile as error:  # of a file that is new only when the disk is full
        raise unavailable("storage_full") from error
