"""A disk that keeps what was synced and, of the rest, what it likes: images after a power cut.

It promises no more than POSIX does. Of a file what was written before a sync began is there once
that sync has ended; so are the names of a directory, by a sync of the directory. Of the rest any
sector may be missing while later ones are there, and so may any name.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, Self, get_args

from msgspec import Struct, field

from tests.power.recording import Record

SECTOR: Final = 512
Takes = Literal["all", "nothing", "the end", "the beginning", "one", "any"]


class Loss(Struct, frozen=True):
    """What of the things that are not synced a power cut takes away."""

    of_sectors: Takes
    of_names: Takes
    chance: random.Random

    @classmethod
    def drawn(cls, chance: random.Random) -> Self:
        of_sectors, of_names = (chance.choice(get_args(Takes)) for _ in range(2))
        return cls(of_sectors, of_names, chance)

    def kept(self, takes: Takes, count: int) -> Sequence[bool]:
        """Of so many things in order: which are on the disk."""
        at = self.chance.randint(0, max(0, count - (takes == "one")))
        share = self.chance.random()
        keeps: dict[Takes, Callable[[int], bool]] = {
            "all": lambda number: False,
            "nothing": lambda number: True,
            "the end": lambda number: number < at,
            "the beginning": lambda number: number >= at,
            "one": lambda number: number != at,
            "any": lambda number: self.chance.random() < share,
        }
        return [keeps[takes](number) for number in range(count)]


class Change(Struct, frozen=True):
    """Of the content of a file."""

    at: int
    data: bytes | None  # None: it becomes `at` bytes long
    is_cut: bool = True  # False: it becomes at least so long

    def on(self, content: bytearray) -> None:
        if self.data is None and self.is_cut:
            del content[self.at :]
        if len(content) < self.at:
            content.extend(bytes(self.at - len(content)))
        if self.data is not None:
            content[self.at : self.at + len(self.data)] = self.data

    def in_sectors(self) -> Iterator["Change"]:
        if self.data is None:
            yield self
            return
        at, end = self.at, self.at + len(self.data)
        while at < end:
            until = min(end, (at // SECTOR + 1) * SECTOR)
            yield Change(at, self.data[at - self.at : until - self.at])
            at = until


class File(Struct, eq=False):
    is_directory: bool = False
    content: bytearray = field(default_factory=bytearray)  # what is on the disk
    pending: list[Change] = field(default_factory=list)  # what may be
    done: int = 0  # changes that are on the disk

    def after_a_cut(self, loss: Loss) -> bytes:
        pieces = [piece for change in self.pending for piece in change.in_sectors()]
        keeps = loss.kept(loss.of_sectors, len(pieces))
        # A sector is on the disk as it was at one time, with all that was written to it before.
        last = {
            piece.at // SECTOR: number
            for number, (piece, is_kept) in enumerate(zip(pieces, keeps, strict=True))
            if is_kept and piece.data is not None
        }
        content = bytearray(self.content)
        for number, piece in enumerate(pieces):
            if piece.data is None:
                is_kept = keeps[number]
            else:
                is_kept = number <= last.get(piece.at // SECTOR, -1)
            if is_kept:
                piece.on(content)
        return bytes(content)


class Naming(Struct, frozen=True, eq=False):
    """A change of names: one goes, one comes, or both at once."""

    number: int
    directory: str  # whose sync makes it last
    gone: str | None
    come: str | None
    file: File | None

    def on(self, names: dict[str, File]) -> None:
        if self.gone is not None:
            names.pop(self.gone, None)
        if self.come is not None and self.file is not None:
            names[self.come] = self.file


class Disk:
    """Follows records, and says what there is if the power is cut now."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._root = File(is_directory=True)
        self._names = {self._folder: self._root}  # as they are on the disk
        self._seen = {self._folder: self._root}  # as programs see them
        self._namings: list[Naming] = []  # those that may be on the disk
        self._files: dict[int, File] = {}
        self._begun: dict[int, tuple[int, int]] = {}  # of each sync: what was there before it
        self._namings_ever = 0
        self._sure: dict[str, int] = {}
        self.records = 0

    def follow(self, record: Record) -> None:
        path, other = record.path, record.other
        match record.kind:
            case "c" | "d":
                file = self._files[record.file] = File(is_directory=record.kind == "d")
                self._named(None, path, file)
            case "w":
                self._file(record).pending.append(Change(record.number, record.data))
            case "t" | "x":
                is_cut = record.kind == "t"
                self._file(record).pending.append(Change(record.number, None, is_cut))
            case "r" | "l":
                assert not self._seen[path].is_directory, "no directory gets another name"
                self._named(path if record.kind == "r" else None, other, self._seen[path])
            case "u":
                self._named(path, None, None)
            case "s":
                self._begin_sync(record)
            case "S":
                self._end_sync(record)
            case "F":
                self._fail_sync(record)
        self.records += 1

    def sure_of(self, path: str) -> int:
        """How many records there were when a sync of this file began, the newest that has ended."""
        return self._sure.get(path, 0)

    def build(self, folder: Path, loss: Loss) -> None:
        """Write an image into a new folder."""
        names = dict(self._names)
        keeps = loss.kept(loss.of_names, len(self._namings))
        for naming, is_kept in zip(self._namings, keeps, strict=True):
            if is_kept:
                naming.on(names)
        for path, file in sorted(names.items()):
            to = folder / Path(path).relative_to(self._folder)
            if path != self._folder and not to.parent.is_dir():
                continue  # its directory is gone, and it with it
            if file.is_directory:
                to.mkdir()
            else:
                to.write_bytes(file.after_a_cut(loss))

    def _file(self, record: Record) -> File:
        return self._root if record.path == self._folder else self._files[record.file]

    def _named(self, gone: str | None, come: str | None, file: File | None) -> None:
        directory = str(Path(come or gone or "").parent)
        naming = Naming(self._namings_ever, directory, gone, come, file)
        self._namings_ever += 1
        self._namings.append(naming)
        naming.on(self._seen)

    def _begin_sync(self, record: Record) -> None:
        file = self._file(record)
        before = self._namings_ever if file.is_directory else file.done + len(file.pending)
        self._begun[record.number] = (before, self.records)

    def _end_sync(self, record: Record) -> None:
        file = self._file(record)
        before, records = self._begun.pop(record.number)
        self._sure[record.path] = max(records, self.sure_of(record.path))
        if file.is_directory:
            self._sync_names(record.path, before)
            return
        count = max(0, before - file.done)
        for change in file.pending[:count]:
            change.on(file.content)
        del file.pending[:count]
        file.done += count

    def _fail_sync(self, record: Record) -> None:
        """What programs still read is nowhere on the disk, and no later sync looks at it again."""
        file = self._file(record)
        before, _ = self._begun.pop(record.number)
        count = max(0, before - file.done)
        del file.pending[:count]
        file.done += count

    def _sync_names(self, directory: str, before: int) -> None:
        rest = []
        for naming in self._namings:
            if naming.number < before and naming.directory == directory:
                naming.on(self._names)
            else:
                rest.append(naming)
        self._namings = rest
