"""What programs did to the files of one folder, in order: recorded beneath them, by a library in C.

Anyone who knows when something was promised adds a note to the record, between the acts.
"""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, Literal, Self

import pytest
from msgspec import Struct

SOURCE: Final = Path(__file__).with_name("recorder.c")
HEAD: Final = struct.Struct("=IIIIQQQ")  # as in the source
COMPILE_SECONDS_MAX: Final = 60.0
BACKUPS: Final = "backups"  # folders that are there before the record begins
SPOOL: Final = "spool"

# File created, directory made, written, truncated, extended, renamed, linked, unlinked, sync begun,
# sync ended, sync failed, note, and what the recorder cannot follow.
Kind = Literal["c", "d", "w", "t", "x", "r", "l", "u", "s", "S", "F", "n", "!"]


class Record(Struct, frozen=True):
    kind: Kind
    file: int = 0  # the number that the file system gave it
    number: int = 0  # where it was written, how long it became, which sync
    ns: int = 0
    path: str = ""
    other: str = ""
    data: bytes = b""


class Recording:
    """A folder with what is in it, and the record of what is done there."""

    def __init__(self, folder: Path, to: Path, library: Path) -> None:
        self.folder = folder.resolve()
        self._to = to
        self._library = library
        self._fails = to.with_name(f"{to.name}.fails")
        self._hangs = to.with_name(f"{to.name}.hangs")
        self.begins_at = 0  # how many records say what was there before
        self._descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        there = sorted(self.folder.rglob("*"))
        for each in there:
            self._note_what_is_there(each)
        for each in (self.folder, *there):
            self._note_synced(each)
        self.begins_at = len(self.records())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @contextmanager
    def of_children(self) -> Iterator[None]:
        """Processes that are started now are recorded for as long as they run."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(self._library))
            patch.setenv("RECORDED_FOLDER", str(self.folder))
            patch.setenv("RECORDED_TO", str(self._to))
            patch.setenv("RECORDED_FAILS", str(self._fails))
            patch.setenv("RECORDED_HANGS", str(self._hangs))
            yield

    def fail_syncs(self, count: int) -> None:
        """The next ones of the log of a database fail, and what they were to keep is lost."""
        self._fails.unlink(missing_ok=True)
        if count:
            self._fails.write_bytes(bytes(count))

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Meanwhile no sync of the log of a database ends."""
        self._hangs.touch()
        try:
            yield
        finally:
            self._hangs.unlink()

    def note(self, note: bytes) -> None:
        self._put(Record("n", data=note))

    def run(self, program: str, *arguments: str) -> None:
        """Run a program in Python. Each line that it prints is noted before it goes on.

        After each line it has to read one.
        """
        with (
            self.of_children(),
            subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            for line in process.stdout:
                self.note(line.strip())
                process.stdin.write(b"\n")
                process.stdin.flush()
        assert process.returncode == 0

    def records(self) -> list[Record]:
        """All so far. Raises AssertionError when something was done that cannot be followed."""
        text = self._to.read_bytes()
        found, at = [], 0
        while at < len(text):
            kind, *lengths, file, number, ns = HEAD.unpack_from(text, at)
            at += HEAD.size
            parts = []
            for length in lengths:
                parts.append(text[at : at + length])
                at += length
            path, other = (os.fsdecode(each) for each in parts[:2])
            found.append(Record(chr(kind), file, number, ns, path, other, parts[2]))  # type: ignore[arg-type]
        unknown = {(each.path, each.other) for each in found if each.kind == "!"}
        assert not unknown, f"the recorder has to learn of {sorted(unknown)}"
        return found

    def _put(self, record: Record) -> None:
        path, other = os.fsencode(record.path), os.fsencode(record.other)
        lengths = (len(path), len(other), len(record.data))
        head = (ord(record.kind), *lengths, record.file, record.number, time.monotonic_ns())
        os.write(self._descriptor, HEAD.pack(*head) + path + other + record.data)

    def _note_what_is_there(self, path: Path) -> None:
        number, name = path.lstat().st_ino, str(path)
        if path.is_dir():
            self._put(Record("d", number, path=name))
        else:
            self._put(Record("c", number, path=name))
            self._put(Record("w", number, path=name, data=path.read_bytes()))

    def _note_synced(self, path: Path) -> None:
        for kind in ("s", "S"):
            self._put(Record(kind, path.lstat().st_ino, path=str(path)))


@cache
def library(folder: Path) -> Path:
    """The compiled recorder. Skips the test where there is nothing to compile it with."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("what a program writes is recorded by a library in C: here is no compiler")
    to = folder / "recorder.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", to, SOURCE, "-ldl", "-pthread"],
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the recorder of writes cannot be compiled here: {done.stderr[-300:]}")
    return to
