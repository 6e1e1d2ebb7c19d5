"""Where backups are kept: a folder. What else there may be speaks the same five calls."""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from msgspec import Struct

from spooled_lite.storage.copy import sync, sync_folder
from spooled_lite.storage.file_guard import give_file_to_owner_of
from spooled_lite.storage.file_place import give_new_name

PARTIAL_PREFIX: Final = ".partial-"
TEXT_BYTES_MAX: Final = 1024 * 1024  # of what is read as a whole


class StoreTrouble(Exception):
    """The store cannot be used, or refused a call. The message names it and the reason."""


class AlreadyStored(StoreTrouble):
    """There is something of this name already."""


class NotStored(StoreTrouble):
    """There is nothing of this name."""


class Stored(Struct, frozen=True, order=True):
    name: str
    bytes: int


class Store(Protocol):
    """Flat names and their bytes. What was put is there whole or not at all.

    Every call blocks, and raises StoreTrouble.
    """

    @property
    def where(self) -> str:
        """For people: a path or an address."""

    def list(self, prefix: str = "") -> list[Stored]:
        """What has a name that begins with `prefix`, by name."""

    def read(self, name: str) -> bytes:
        """A short text, at most TEXT_BYTES_MAX.

        Raises:
            NotStored: there is nothing of this name.
        """

    def opened(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]: ...

    def put(self, name: str, source: Path) -> None:
        """Take a local file into the store; the local one may be gone afterwards.

        Raises:
            AlreadyStored: there is something of this name already; it was left alone.
        """

    def create(self, name: str, text: bytes) -> None:
        """As `put`, for a short text."""

    def delete(self, name: str) -> None:
        """Nothing of this name is there afterwards, nor what a crash left of putting it there."""


class Folder:
    """A store in a folder of this machine, or of another one that is mounted here."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    @property
    def where(self) -> str:
        return str(self._path)

    def check(self) -> None:
        """Raises StoreTrouble when nothing could be put into it."""
        if os.path.lexists(self._path) and not self._path.is_dir():
            raise StoreTrouble(f"{self._path}: this is no folder")
        if not self._path.is_dir():
            raise StoreTrouble(f"{self._path}: the folder does not exist; create it first")
        if not os.access(self._path, os.W_OK | os.X_OK):
            raise StoreTrouble(f"{self._path}: this user may not write in the folder")

    def list(self, prefix: str = "") -> list[Stored]:
        found = []
        with self._told(), os.scandir(self._path) as entries:
            for each in entries:
                if each.name.startswith(PARTIAL_PREFIX) or not each.name.startswith(prefix):
                    continue
                # One may be deleted meanwhile, or be a link that leads nowhere.
                with contextlib.suppress(OSError):
                    if each.is_file():
                        found.append(Stored(each.name, each.stat().st_size))
        return sorted(found)

    def read(self, name: str) -> bytes:
        with self._told(name), _regular(self._path / name) as file:
            text = file.read(TEXT_BYTES_MAX + 1)
        if len(text) > TEXT_BYTES_MAX:
            raise StoreTrouble(f"{self._path / name}: longer than {TEXT_BYTES_MAX} bytes")
        return text

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        with self._told(name):
            file = _regular(self._path / name)
        with file:
            yield file

    def put(self, name: str, source: Path) -> None:
        partial = self._path / f"{PARTIAL_PREFIX}{name}"
        with self._told():
            partial.unlink(missing_ok=True)  # left by a crash
            _bring(source, partial)
            self._take(partial, name)

    def create(self, name: str, text: bytes) -> None:
        partial = self._path / f"{PARTIAL_PREFIX}{name}"
        with self._told():
            with _private(partial) as file:
                file.write(text)
            self._take(partial, name)

    def delete(self, name: str) -> None:
        with self._told():
            for each in (name, f"{PARTIAL_PREFIX}{name}"):
                (self._path / each).unlink(missing_ok=True)
            sync_folder(str(self._path))  # or what is deleted next may be gone first

    def _take(self, partial: Path, name: str) -> None:
        """Give a file in the folder its name, which nothing else may have, with all on the disk."""
        # Root makes backups for the user of a server.
        give_file_to_owner_of(str(self._path), str(partial))
        sync(str(partial))
        try:
            give_new_name(partial, self._path / name)
        except FileExistsError:
            raise AlreadyStored(f"{self._path / name} is there already") from None
        finally:
            partial.unlink(missing_ok=True)
        sync(str(self._path / name))

    @contextmanager
    def _told(self, name: str | None = None) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            kind = StoreTrouble if name is None else NotStored
            raise kind(f"{error.filename or self._path}: {error.strerror}") from error
        except OSError as error:
            named = error.filename or self._path
            raise StoreTrouble(f"{named}: {error.strerror or error}") from error


def _bring(source: Path, partial: Path) -> None:
    # Where the system can, the source stays whole until all of this is done.
    for way in (os.link, os.rename):
        with contextlib.suppress(OSError):
            way(source, partial)
            return
    with open(source, "rb") as reader, _private(partial) as writer:  # on another disk
        shutil.copyfileobj(reader, writer)


def _regular(path: Path) -> BinaryIO:
    """A file to read. Raises OSError for anything else: a pipe would be waited for, for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "this is no file", str(path))
    return os.fdopen(descriptor, "rb")


def _private(path: Path) -> BinaryIO:
    """A new file that only its owner may read: backups hold secrets."""
    path.unlink(missing_ok=True)  # left by a crash, or a link that leads elsewhere
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb")
