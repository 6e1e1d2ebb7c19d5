"""The database file as a file: who may use it, whether it is still there, what room is left."""

import contextlib
import fcntl
import json
import os
import time
from typing import Final, Self

DISK_CHECK_SECONDS: Final = 1.0
DISK_FULL_BYTES: Final = 1024 * 1024
WAL_SUFFIX: Final = "-wal"


class FileInUse(Exception):
    """Another server holds the database file."""


class FileLock:
    """One server per file: an exclusive lock on `<database>.lock`, which is never deleted.

    The kernel lets go of it when the process dies, however it dies.
    """

    def __init__(self, database: str) -> None:
        self._path = f"{database}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> Self:
        """Raises FileInUse, with what the holder wrote about itself."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 4096).decode(errors="replace").strip()
            os.close(descriptor)
            raise FileInUse(f"{self._path} is held by another server: {holder}") from error
        self._descriptor = descriptor
        self.describe(url=None)
        return self

    def describe(self, *, url: str | None) -> None:
        """Say who holds the lock, for the message of the next one who asks."""
        assert self._descriptor is not None, "the lock is held"
        about = {"pid": os.getpid(), "started_at": int(time.time()), "url": url}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(about).encode() + b"\n", 0)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileWatch:
    """Looks at the file from outside: is it the one that was opened, is there room beside it."""

    def __init__(self, path: str, *, disk_reserve_bytes: int) -> None:
        self._path = path
        self._folder = os.path.dirname(path) or "."
        self._disk_reserve_bytes = disk_reserve_bytes
        self._identity = _identity(path)
        self._free_bytes = 0
        self._checked_at = -DISK_CHECK_SECONDS

    def is_gone(self) -> bool:
        """True when the file was moved, deleted or replaced: SQLite would go on in the old one."""
        return _identity(self._path) != self._identity

    def is_low(self) -> bool:
        """True below the reserve. Asks the system at most once a second."""
        now = time.monotonic()
        if now - self._checked_at >= DISK_CHECK_SECONDS:
            self._checked_at = now
            with contextlib.suppress(OSError):
                room = os.statvfs(self._folder)
                self._free_bytes = room.f_bavail * room.f_frsize
        return self._free_bytes < self._disk_reserve_bytes

    def is_full(self) -> bool:
        """True when hardly a transaction fits any more."""
        return self.is_low() and self._free_bytes < DISK_FULL_BYTES

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
