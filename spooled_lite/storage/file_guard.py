"""The database file as a file: who may use it, whether it is still there."""

import contextlib
import fcntl
import json
import os
import time
from typing import Final, Self

WAL_SUFFIX: Final = "-wal"
SPARE_BYTES: Final = 4 * 1024 * 1024  # a log that holds settlements, or a pass of a purge
SPARE_FROM: Final = 4_096  # where it begins in the lock file, behind what the holder says of itself


class FileInUse(Exception):
    """Another server holds the database file."""


class FileLock:
    """One server per file: an exclusive lock on `<database>.lock`, which is never deleted.

    The kernel lets go of it when the process dies, however it dies.
    """

    def __init__(self, database: str) -> None:
        self._path = f"{database}.lock"
        self._descriptor: int | None = None
        self.has_spare = False  # keeps room of the disk that can be given up

    def acquire(self) -> Self:
        """Raises FileInUse, with what the holder wrote about itself."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, SPARE_FROM).decode(errors="replace").strip("\0\n ")
            os.close(descriptor)
            raise FileInUse(f"{self._path} is held by another server: {holder}") from error
        self._descriptor = descriptor
        self.describe(url=None)
        return self

    def describe(self, *, url: str | None) -> None:
        """Say who holds the lock, for the message of the next one who asks."""
        assert self._descriptor is not None, "the lock is held"
        about = {"pid": os.getpid(), "started_at": int(time.time()), "url": url}
        text = json.dumps(about).encode() + b"\n"
        with contextlib.suppress(OSError):  # on a full disk there may be no room for it
            os.pwrite(self._descriptor, text.ljust(SPARE_FROM), 0)

    def keep_spare(self) -> None:
        """Keep some room of the disk in this file, for the day when others have filled it."""
        assert self._descriptor is not None, "the lock is held"
        try:
            # Not every system can set room aside without writing.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._descriptor, SPARE_FROM, SPARE_BYTES)
            else:
                os.pwrite(self._descriptor, bytes(SPARE_BYTES), SPARE_FROM)
            self.has_spare = True
        except OSError:
            self.give_up_spare()

    def give_up_spare(self) -> None:
        """Let the disk have that room: settlements and purges need it now."""
        assert self._descriptor is not None, "the lock is held"
        self.has_spare = False
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, SPARE_FROM)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileWatch:
    """Looks at the file from outside: is it the one that was opened, how long is its log."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity = _identity(path)

    def is_gone(self) -> bool:
        """True when the file was moved, deleted or replaced: SQLite would go on in the old one."""
        return _identity(self._path) != self._identity

    def wal_bytes(self) -> int:
        try:
            return os.stat(self._path + WAL_SUFFIX).st_size
        except OSError:
            return 0


def create_private(path: str) -> None:
    """Create the file, readable by its owner only: it holds secrets. An existing file is kept."""
    with contextlib.suppress(FileExistsError):
        # Before SQLite has opened it: closing a descriptor later would drop SQLite's locks.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
