"""What the server keeps of its archive beside the database: where it stands, and what is not sent.

A window is written here first, and then where the archive stands, on the disk; only then may it be
sent. So the archive never has a window that the server does not know of.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.archive.chain import Chain
from spooled_lite.archive.names import ChainName, window_of
from spooled_lite.archive.window import open_private
from spooled_lite.outbound.stores import Stored
from spooled_lite.storage.copy import sync_folder
from spooled_lite.storage.file_guard import give_file_to_owner_of
from spooled_lite.storage.file_identity import FileMark
from spooled_lite.storage.log_frames import LogPlace

FOLDER_SUFFIX: Final = ".archive"  # behind the name of the database
_KEPT_NAME: Final = "chain.json"
_NEW_SUFFIX: Final = ".new"
_SECOND_SUFFIX: Final = ".sending"


class ChainStanding(Struct, frozen=True, kw_only=True):
    """Where the archive of a file stands."""

    chain: Chain
    number: int  # of the newest window; 0: there is none
    link: str  # its hash, or the token of the chain
    to_ms: int  # when it ended
    created: int
    settled: int
    openings: int  # of the file, with that by the server that writes this
    place: LogPlace  # how far the log is in windows
    closed: FileMark | None = None  # the file, when it was closed with all of it in windows
    base_at_ms: int | None = None  # of the newest base of the chain
    base_bytes: int = 0
    bytes_since_base: int = 0

    @property
    def name(self) -> ChainName:
        return self.chain.name


class Spool:
    """The folder. Every call blocks, and raises OSError."""

    def __init__(self, database: str) -> None:
        self.folder = Path(os.path.realpath(database) + FOLDER_SUFFIX)

    def make(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700)
            give_file_to_owner_of(str(self.folder.parent), str(self.folder))

    def standing(self) -> ChainStanding | None:
        """None: no chain is under way, or nothing is known of it."""
        try:
            text = (self.folder / _KEPT_NAME).read_bytes()
            return msgspec.json.decode(text, type=ChainStanding)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def keep(self, standing: ChainStanding) -> None:
        """It is on the disk when this returns."""
        new = self.folder / (_KEPT_NAME + _NEW_SUFFIX)
        with open(new, "wb", opener=open_private) as file:
            file.write(msgspec.json.encode(standing))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / _KEPT_NAME)
        sync_folder(str(self.folder))

    def end_chain(self) -> None:
        """No window comes after those that are here."""
        (self.folder / _KEPT_NAME).unlink(missing_ok=True)

    def path_of(self, name: str) -> Path:
        return self.folder / name

    def waiting(self) -> list[Stored]:
        """The windows that are not sent, by chain and number."""
        found = []
        with os.scandir(self.folder) as entries:
            for each in entries:
                if window_of(each.name) is not None:
                    found.append(Stored(each.name, each.stat().st_size))
        return sorted(found)

    def second_name(self, name: str) -> Path:
        """The same file under a name that does not count as a window."""
        second = self.folder / (name + _SECOND_SUFFIX)
        second.unlink(missing_ok=True)
        try:
            os.link(self.folder / name, second)
        except OSError:  # a file system without links
            shutil.copyfile(self.folder / name, second)
        return second

    def drop(self, name: str) -> None:
        self.path_of(name).unlink(missing_ok=True)

    def drop_after(self, standing: ChainStanding) -> None:
        """Delete windows of a chain that a crash left before they counted."""
        for each in self.waiting():
            found = window_of(each.name)
            if found is not None and found[0] == standing.name and found[1] > standing.number:
                self.drop(each.name)

    def drop_chain(self, name: ChainName) -> None:
        for each in self.waiting():
            if each.name.startswith(name.windows):
                self.drop(each.name)

    def bytes(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return sum(each.bytes for each in self.waiting())
        return 0
