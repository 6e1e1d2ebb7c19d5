"""Puts a new file in the place of a database, so that a crash between two steps loses neither."""

import errno
import os
from pathlib import Path
from typing import Final

from spooled_lite.storage.copy import sync
from spooled_lite.storage.file_guard import CannotUseFile

MARK_SUFFIX: Final = ".restoring"  # while it is there no server starts on the file
BESIDE: Final = ("-wal", "-shm", "-journal")


def check_not_replaced(path: str) -> None:
    """Raises CannotUseFile when a replacement of the file was interrupted."""
    mark = path + MARK_SUFFIX
    if os.path.exists(mark):
        raise CannotUseFile(
            f"{path}: a restore of this file was interrupted. Run `spooled-lite restore --replace`"
            f" again; or, to go on with what is there, put the file back from"
            f" {path}.before-restore-… with what is beside it, and delete {mark}"
        )


def place_new(new: Path, path: str) -> None:
    """Give a whole, closed file its name, which nothing has. Raises: as `check_is_new`."""
    check_is_new(path)
    # With the log gone that SQLite has removed: if a power cut brought it back beside the old name,
    # servers would not start on the file under its new one.
    sync(str(new))
    give_new_name(new, path)
    sync(path)


def check_is_new(path: str) -> None:
    """Raises CannotUseFile when there is such a file, or what is left of one."""
    check_not_replaced(path)
    for each in (path, *(path + suffix for suffix in BESIDE)):
        if os.path.lexists(each):
            raise CannotUseFile(
                f"{each} exists; choose another name, or --replace to put the backup in its place"
            )


def give_new_name(file: str | Path, name: str | Path) -> None:
    """Rename a file, but never over another one.

    Raises:
        FileExistsError: there is something of this name. Nothing was changed.
    """
    try:
        os.link(file, name)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name)) from None
        os.rename(file, name)
    else:
        os.unlink(file)


def replace(new: Path, path: str, *, old_suffix: str) -> str | None:
    """Put a whole, closed file in the place of another, which is kept with all that belongs to it.

    The caller holds the lock of the file at `path`. Returns the new name of the old one, which is
    `path` and `old_suffix`, or that of a try which was interrupted; None: there was none.
    """
    mark = Path(path + MARK_SUFFIX)
    free = _free(path + old_suffix)
    old = path + _marked(mark, free.removeprefix(path))
    # A log beside a file that it does not belong to would destroy it: the log goes first, while
    # the mark keeps servers away.
    for suffix in (*BESIDE, ""):
        if os.path.lexists(path + suffix):
            # What an interrupted try has moved already is the old one; this one is its new one.
            is_moved = os.path.lexists(old + suffix)
            os.rename(path + suffix, (free if is_moved else old) + suffix)
    give_new_name(new, path)
    sync(path)
    mark.unlink()
    sync(path)
    return old if os.path.lexists(old) else None


def _free(name: str) -> str:
    """A name that nothing has, nor what may stand beside it."""
    while any(os.path.lexists(name + suffix) for suffix in ("", *BESIDE)):
        name += "+"
    return name


def _marked(mark: Path, old_suffix: str) -> str:
    """Keep servers away from the file from now on. Returns the suffix that the old one gets."""
    earlier = mark.read_text() if mark.exists() else ""
    if not earlier:  # or a power cut took its text: then nothing was moved yet
        mark.touch(mode=0o600)
        mark.write_text(old_suffix)
    sync(str(mark))
    return earlier or old_suffix
