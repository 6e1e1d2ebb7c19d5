"""Files for `:memory:`: made in the temporary folder, and removed with what dead processes left."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PREFIX: Final = "spooled-lite-"
NAME: Final = "spooled.db"
KEY_SUFFIX: Final = ".key"  # of the file with the first API key, where no terminal shows it
COMPANIONS: Final = ("", "-wal", "-shm", ".lock", KEY_SUFFIX)
LEFTOVERS_MAX: Final = 100  # looked at for each start, so that a full temporary folder delays none


# Of main memory under a file system. Containers often have 64 MiB of it, which is soon full.
MEMORY_FOLDER: Final = "/dev/shm"
MEMORY_BYTES_MIN: Final = 256 * 1024**2


def throwaway(*, in_memory: bool = False, removes_leftovers: bool = True) -> str:
    """The path of a new file in the temporary folder; left-overs of dead processes are removed.

    `in_memory`: no disk stands behind it, where there is enough room for that.
    """
    if removes_leftovers:
        remove_leftovers()
    folder = MEMORY_FOLDER if in_memory and _has_memory_folder() else None
    return os.path.join(tempfile.mkdtemp(prefix=PREFIX, dir=folder), NAME)


def _has_memory_folder() -> bool:
    try:
        room = os.statvfs(MEMORY_FOLDER)
    except OSError:
        return False
    is_large = room.f_bavail * room.f_frsize >= MEMORY_BYTES_MIN
    return is_large and os.access(MEMORY_FOLDER, os.W_OK | os.X_OK)


def remove_throwaway(path: str) -> None:
    for suffix in COMPANIONS:
        Path(path + suffix).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        Path(path).parent.rmdir()


def remove_leftovers() -> None:
    """Remove the throw-away files of this user whose process is dead, which hold no lock."""
    for folder in _candidates():
        with contextlib.suppress(OSError):
            if _is_left_over(folder):
                remove_throwaway(str(folder / NAME))


def _candidates() -> Iterator[Path]:
    for place in dict.fromkeys((tempfile.gettempdir(), MEMORY_FOLDER)):
        with contextlib.suppress(FileNotFoundError, PermissionError), os.scandir(place) as entries:
            ours = (Path(each.path) for each in entries if each.name.startswith(PREFIX))
            for _, folder in zip(range(LEFTOVERS_MAX), ours, strict=False):
                yield folder


def _is_left_over(folder: Path) -> bool:
    """Raises OSError when it cannot be told; then the folder is left alone."""
    about = folder.lstat()  # a link is not followed: it may be another user's
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        return False
    # Without a lock it is one that a server has just made: that is an error, too.
    descriptor = os.open(folder / f"{NAME}.lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not os.fstat(descriptor).st_size:
            return False  # a server makes it, holds it, and then writes into it: it is starting
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # a live server holds it
    finally:
        os.close(descriptor)
    return True
