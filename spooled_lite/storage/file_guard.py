"""The lock on the database file, and whether the file is still where it was."""

import contextlib
import fcntl
import json
import os
import time
from datetime import UTC, datetime
from typing import Final, Self

FileIdentity = tuple[int, int]  # device and inode
FolderState = tuple[int, int, int]  # device, inode, when something in it was made or moved

WAL_SUFFIX: Final = "-wal"
_WATCHED: Final = ("", WAL_SUFFIX, "-shm")
SETTLED_SECONDS: Final = 0.05  # longer than the step in which file systems note times
LOOK_ANYWAY_SECONDS: Final = 1.0  # where a file system does not note the time of a folder
SPARE_BYTES: Final = 4 * 1024 * 1024  # a log that holds settlements, or a pass of a purge
LOG_ROOM_BYTES_MIN: Final = 256 * 1024  # less is not worth a try
SPARE_FROM: Final = 4_096  # where it begins in the lock file, behind what the holder says of itself


class CannotUseFile(Exception):
    """The file cannot be used as it is. The message names it and says what is wrong."""


class FileInUse(CannotUseFile):
    """Another server holds the database file."""


_BEGINS_WITH: Final = b'{"pid"'  # what the holder of a lock writes about itself

# A process closes no descriptor of a file that SQLite has open in it: that would drop SQLite's
# locks. So it has to know by itself which files it holds.
_held_here: Final[set[FileIdentity]] = set()


class FileLock:
    """One server per file: an exclusive lock on `<database>.lock`, which stays.

    The lock on the file itself, by its inode, comes on top of it: the file may have other names.
    The kernel lets go of both when the process dies, however it dies.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._path = f"{database}.lock"
        self._descriptor: int | None = None
        self._of_file: tuple[int, FileIdentity] | None = None
        self._is_new = False
        self.has_spare = False  # keeps room of the disk that can be given up

    def acquire(self) -> Self:
        """Raises:
        FileInUse: with what the holder wrote about itself.
        CannotUseFile: something else has the name of the lock.
        """
        self._is_new = not os.path.lexists(self._path)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        begins_with = os.pread(descriptor, len(_BEGINS_WITH), 0)
        if begins_with.strip(b"\0\n ") and begins_with != _BEGINS_WITH:
            os.close(descriptor)
            raise CannotUseFile(
                f"{self._path} is no lock of Spooled Lite and in the way of one: move it away"
            )
        if self._is_new:
            give_to_owner_of(self._database, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _words_of(os.read(descriptor, SPARE_FROM))
            os.close(descriptor)
            raise FileInUse(f"{self._database} is in use by another server{holder}") from error
        self._descriptor = descriptor
        self.describe(url=None)
        return self

    def hold_file(self) -> None:
        """Hold the file, too. Before SQLite opens it, and until SQLite has closed it.

        Raises FileInUse when a server holds it under another name.
        """
        descriptor = None
        identity = _identity(self._database)
        assert identity is not None, "the file is there"
        try:
            if identity in _held_here:
                raise BlockingIOError
            descriptor = os.open(self._database, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if descriptor is not None:
                os.close(descriptor)
            raise FileInUse(
                f"{self._database} is in use by another server, under another name (a hard link, or"
                " a second mount)"
            ) from error
        _held_here.add(identity)
        self._of_file = (descriptor, identity)

    def describe(self, *, url: str | None) -> None:
        """Write down which server holds the lock, for the error message of the next one."""
        assert self._descriptor is not None, "the lock is held"
        about = {"pid": os.getpid(), "started_at": int(time.time()), "url": url}
        text = json.dumps(about).encode() + b"\n"
        with contextlib.suppress(OSError):  # on a full disk there may be no room for it
            os.pwrite(self._descriptor, text.ljust(SPARE_FROM), 0)

    def keep_spare(self) -> None:
        """Reserve some room on the disk in this file, for the day when the disk is full."""
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
        """Give that room back to the disk: the log uses it for settlements and purges."""
        assert self._descriptor is not None, "the lock is held"
        self.has_spare = False
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, SPARE_FROM)

    def leave_no_trace(self) -> None:
        """The file is not ours after all: remove what was made beside it."""
        self.release(unlink=self._is_new)

    def release(self, *, unlink: bool = False) -> None:
        if self._of_file is not None:
            descriptor, identity = self._of_file
            self._of_file = None
            os.close(descriptor)
            _held_here.discard(identity)
        if self._descriptor is not None:
            if unlink:  # no server waits for it: one that does not get it at once is refused
                os.unlink(self._path)
            os.close(self._descriptor)
            self._descriptor = None


class FileWatch:
    """Looks at the file from outside: is it the one that was opened, how long is its log."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder = os.path.dirname(path) or "."
        self._known: dict[str, FileIdentity | None] = {}
        self._trusted: FolderState | None = None  # as it is while nothing happens in the folder
        self._seen: FolderState | None = None
        self._seen_at = self._look_anyway_at = 0.0
        self.opened()

    def opened(self) -> None:
        """SQLite has opened the file, and what belongs to it: these are to stay where they are."""
        self._known = {suffix: _identity(self._path + suffix) for suffix in _WATCHED}
        self._trusted = None

    def closed(self) -> None:
        """SQLite closes the file: its log may be removed and made anew."""
        self._known = {"": self._known[""]}

    def missing(self) -> str | None:
        """Which of them was moved, deleted or replaced: SQLite would go on in the old one.

        Asked around every batch, and each look at a file gives up the interpreter. So as long as
        the folder says that nothing in it was made, moved or deleted, one look at it is enough.
        """
        folder, now = _state_of(self._folder), time.monotonic()
        if folder is not None and folder == self._trusted and now < self._look_anyway_at:
            return None
        for suffix, identity in self._known.items():
            if _identity(self._path + suffix) != identity:
                self._trusted = None
                return self._path + suffix
        if folder != self._seen:
            self._seen, self._seen_at = folder, now
        # Its time is coarse: a change just after the last one may show the same.
        is_settled = folder is not None and now - self._seen_at >= SETTLED_SECONDS
        self._trusted = folder if is_settled else None
        self._look_anyway_at = now + LOOK_ANYWAY_SECONDS
        return None

    def lengthen_log(self, by_bytes: int) -> None:
        """Take so much of the disk for the log, or what there is. SQLite has no lock on the log."""
        if not hasattr(os, "posix_fallocate"):
            return
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path + WAL_SUFFIX, os.O_RDWR | os.O_CLOEXEC)
            try:
                while by_bytes >= LOG_ROOM_BYTES_MIN and not _took(descriptor, by_bytes):
                    by_bytes //= 2
            finally:
                os.close(descriptor)

    def file_bytes(self) -> int:
        return length_of(self._path)

    def wal_bytes(self) -> int:
        return length_of(self._path + WAL_SUFFIX)


def length_of(path: str) -> int:
    """In bytes; 0 when there is no such file."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def create_private(path: str) -> None:
    """Create the file, readable by its owner only: it holds secrets. An existing file is kept."""
    with contextlib.suppress(FileExistsError):
        # Before SQLite has opened it: closing a descriptor later would drop SQLite's locks.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _took(descriptor: int, count: int) -> bool:
    try:
        os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, count)
    except OSError:
        return False
    return True


def give_to_owner_of(path: str, descriptor: int) -> None:
    """A file that root creates beside another one, or in a folder, belongs to the owner of that."""
    if os.geteuid() == 0 and os.path.exists(path):
        about = os.stat(path)
        os.fchown(descriptor, about.st_uid, about.st_gid)


def give_file_to_owner_of(path: str, file: str) -> None:
    """As `give_to_owner_of`, for a file that is not open. SQLite must not have it open either."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        give_to_owner_of(path, descriptor)
    finally:
        os.close(descriptor)


def _words_of(about: bytes) -> str:
    """What the holder of a lock wrote about itself, in words."""
    try:
        found = json.loads(about.strip(b"\0\n "))
        since = datetime.fromtimestamp(found["started_at"], UTC).isoformat()
        url = f", {found['url']}" if found["url"] else ""
        return f" (pid {found['pid']}{url}, since {since})"
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return ""  # it has not said anything yet


def _state_of(folder: str) -> FolderState | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mtime_ns)


def _identity(path: str) -> FileIdentity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
