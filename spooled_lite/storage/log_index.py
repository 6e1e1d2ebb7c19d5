"""Where the log ends, as SQLite notes it in the index beside it (the file `-shm`)."""

import os
import struct
from typing import Final

from msgspec import Struct

from spooled_lite.storage.file_guard import FileIdentity

SHM_SUFFIX: Final = "-shm"
# The header of the index, which SQLite describes under "The WAL-Index File Format": its version,
# a count of commits, whether it is set up, the byte order of the sums, the size of a page, the
# frames of the log, the pages of the database, the sums of the last frame, the salts of the log.
_HEADER: Final = struct.Struct("=I4xIBBHII2I8s8x")
_VERSION: Final = 3_007_000
PAGE_BYTES: Final = 4_096
COMMITS_MODULO: Final = 2**32
NO_SALTS: Final = bytes(8)

FrameSums = tuple[int, int]


class LogUnknown(Exception):
    """What stands beside the file is not what this program knows. The message says what it is."""


class LogEnd(Struct, frozen=True):
    """The end of the last commit in the log."""

    salts: bytes  # of this log: others after each time that it begins anew; NO_SALTS: there is none
    frames: int  # pages in the log; 0: it is empty, or begins anew with the next commit
    sums: FrameSums  # the running checksum; of no meaning without a frame
    pages: int  # of the database
    commits: int  # counted since the file was opened, and beginning anew at COMMITS_MODULO


class LogIndex:
    """Reads the index. Its descriptor stays open, since closing one drops the locks that SQLite
    has on the same file."""

    def __init__(self, database: str) -> None:
        self._path = database + SHM_SUFFIX
        self._descriptor: int | None = None
        self._of: FileIdentity | None = None

    def end(self) -> LogEnd:
        """Called on the writing thread, where nothing changes it meanwhile.

        Raises:
            LogUnknown: there is no index, or it is none that this program knows.
        """
        text = os.pread(self._opened(), 2 * _HEADER.size, 0)
        if len(text) != 2 * _HEADER.size or text[: _HEADER.size] != text[_HEADER.size :]:
            raise LogUnknown("the index of the log is not whole")
        version, commits, is_set_up, is_big, page_bytes, frames, pages, first, second, salts = (
            _HEADER.unpack_from(text)
        )
        # Before the first commit there is no log yet, which has no size of a page.
        is_known = page_bytes == PAGE_BYTES or (page_bytes, frames) == (0, 0)
        if (version, is_set_up, is_big) != (_VERSION, 1, 0) or not is_known:
            raise LogUnknown("the index of the log has a form that this version does not know")
        return LogEnd(salts, frames, (first, second), pages, commits)

    def close(self) -> None:
        """After SQLite has closed the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        try:
            found = os.stat(self._path)
            if self._descriptor is None or self._of != (found.st_dev, found.st_ino):
                # After an error of the storage SQLite makes a new one. The old one may still be
                # open in it, so it is left open here as well.
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                self._of = (found.st_dev, found.st_ino)
        except OSError as error:
            raise LogUnknown(f"{self._path}: {error.strerror}") from error
        return self._descriptor
