"""The log as the archive reads it: every page, of whole commits only, before it begins anew."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spooled_lite.archive.apply import apply_all
from spooled_lite.archive.window import WholeWindow, WindowHead, read_window, write_window
from spooled_lite.storage import checkpoint, log_reader
from spooled_lite.storage.database import Database
from spooled_lite.storage.log_frames import (
    FRAME_BYTES,
    LOG_HEADER_BYTES,
    LogChanged,
    LogFrames,
    frames_between,
    start_of_log,
)
from spooled_lite.storage.log_index import LogIndex
from spooled_lite.storage.log_reader import LogReader, PagesOfWindow
from spooled_lite.storage.transaction import Tx
from tests.storage.stage import NOON_MS, a_database, add, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes into a log as the server does, and moves it only when told to."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("auto_vacuum = 2", "journal_mode = wal", "wal_autocheckpoint = 0"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute("CREATE TABLE notes (seq INTEGER PRIMARY KEY, text TEXT)")
    yield connection
    connection.close()


def write(writer: sqlite3.Connection, count: int, *, bytes_each: int = 50) -> None:
    for number in range(count):
        writer.execute("INSERT INTO notes (text) VALUES (?)", (f"{number}" * bytes_each,))


def all_frames(path: Path) -> list[LogFrames]:
    index = LogIndex(str(path))
    descriptor = os.open(f"{path}-wal", os.O_RDONLY)
    try:
        end = index.end()
        start = start_of_log(descriptor, end.salts)
        return list(frames_between(descriptor, start, end.frames))
    finally:
        os.close(descriptor)


def test_the_newest_image_of_each_page_is_what_a_checkpoint_would_write(
    path: Path, writer: sqlite3.Connection
) -> None:
    write(writer, 300)  # more commits than are read at once

    frames = all_frames(path)
    end = LogIndex(str(path)).end()
    pages = {number: page for each in frames for number, page in each.pages.items()}
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    assert sum(each.commits for each in frames) == end.commits
    assert frames[-1].place.sums == end.sums
    assert len(frames) > 1
    assert path.read_bytes() == b"".join(pages[number] for number in sorted(pages))


def test_what_a_rolled_back_transaction_left_in_the_log_is_not_read(
    path: Path, writer: sqlite3.Connection
) -> None:
    writer.execute("PRAGMA cache_size = 5")
    write(writer, 3)
    before = LogIndex(str(path)).end()
    writer.execute("BEGIN")
    write(writer, 200, bytes_each=500)  # does not fit into the cache, so it is in the log
    writer.execute("ROLLBACK")
    assert os.stat(f"{path}-wal").st_size > LOG_HEADER_BYTES + before.frames * FRAME_BYTES + 100_000
    write(writer, 1)

    assert sum(each.commits for each in all_frames(path)) == before.commits + 1
    write(writer, 200)
    assert sum(each.commits for each in all_frames(path)) == before.commits + 201


@pytest.mark.parametrize("where", [1, 10, 20, 30, 1000, 4000])
def test_a_changed_bit_of_the_log_is_found(
    path: Path, writer: sqlite3.Connection, where: int
) -> None:
    write(writer, 20)
    descriptor = os.open(f"{path}-wal", os.O_RDWR)
    at = LOG_HEADER_BYTES + 7 * FRAME_BYTES + where
    flipped = bytes([os.pread(descriptor, 1, at)[0] ^ 0x10])
    os.pwrite(descriptor, flipped, at)
    os.close(descriptor)

    with pytest.raises(LogChanged):
        all_frames(path)


def test_while_it_runs_the_checksum_of_the_last_frame_is_added_up(
    path: Path, writer: sqlite3.Connection
) -> None:
    write(writer, 20)
    end = LogIndex(str(path)).end()
    descriptor = os.open(f"{path}-wal", os.O_RDWR)
    try:
        start = start_of_log(descriptor, end.salts)
        quick = list(frames_between(descriptor, start, end.frames, checks_all=False))
        assert quick == list(frames_between(descriptor, start, end.frames))
        at = LOG_HEADER_BYTES + (end.frames - 1) * FRAME_BYTES + 1_000
        os.pwrite(descriptor, b"\xff", at)
        with pytest.raises(LogChanged, match="wrong checksum"):
            list(frames_between(descriptor, start, end.frames, checks_all=False))
    finally:
        os.close(descriptor)


def test_a_log_that_is_cut_is_found(path: Path, writer: sqlite3.Connection) -> None:
    write(writer, 20)
    os.truncate(f"{path}-wal", os.stat(f"{path}-wal").st_size - 1)

    with pytest.raises(LogChanged, match="ends before"):
        all_frames(path)


# -- beside the writing thread -----------------------------------------------------------------


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints at every batch, each of which lets the log begin anew."""
    for bound in ("PASSIVE_BYTES", "TRUNCATE_BYTES", "IDLE_SECONDS"):
        monkeypatch.setattr(checkpoint, bound, 0)


def begin(tx: Tx, reader: LogReader) -> None:
    reader.begin()


def cut(tx: Tx, reader: LogReader) -> None:
    reader.cut()


def attached(db: Database, wake: Callable[[], None] = lambda: None) -> LogReader:
    reader = db.writer.log_reader
    reader.attach(now_ms=lambda: NOON_MS, wake=wake, cut_after_ms=10_000)
    return reader


def as_windows(made: list[PagesOfWindow], folder: Path) -> Iterator[WholeWindow]:
    for each in made:
        head = WindowHead(
            program="0",
            file_id="",
            chain=1,
            number=each.number,
            before="",
            from_ms=0,
            to_ms=each.at_ms,
            size_pages=each.size_pages,
            pages=len(each.pages),
            created=0,
            settled=0,
        )
        write_window(folder / "window", head, each.pages)
        yield read_window((folder / "window").read_bytes(), "window")


def test_windows_over_many_beginnings_of_the_log_make_the_file(
    path: Path, tmp_path: Path, eager: None
) -> None:
    made: list[PagesOfWindow] = []

    async def main() -> None:
        async with a_database(path) as db:
            reader = attached(db)
            await db.write(begin, reader)
            (tmp_path / "copy.db").write_bytes(_copied(path))
            for number in range(30):
                await db.write(add, f"{number} " * 3_000)
                if number % 7 == 0:
                    await db.write(cut, reader)
                made.extend(reader.read())
        made.extend(reader.read())
        assert reader.broken is None

    run(main())
    assert [each.number for each in made] == list(range(1, len(made) + 1))
    assert len(made) == 6
    last = apply_all(tmp_path / "copy.db", as_windows(made, tmp_path))
    assert last is not None
    assert (tmp_path / "copy.db").read_bytes() == path.read_bytes()


def _copied(path: Path) -> bytes:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.serialize()
    finally:
        connection.close()


def test_no_write_waits_while_nobody_reads_and_the_log_is_not_begun_anew(
    path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that stands still puts checkpoints off, and never a write."""
    monkeypatch.setattr(log_reader, "REST_FRAMES_MAX", 0)
    woken: list[None] = []

    async def main() -> None:
        async with a_database(path) as db:
            reader = attached(db, lambda: woken.append(None))
            await db.write(begin, reader)
            with reader._reading:  # as one that reads from a disk that hangs
                for number in range(20):
                    await db.write(add, f"{number} " * 1_000)
                assert db.writer.file.wal_bytes() > 20 * 4_096
            assert woken
            reader.read()  # as far as was asked for
            await db.write(cut, reader)
            [made] = reader.read()
            assert made.at_ms == NOON_MS
            assert reader.broken is None

    run(main())


def test_a_reader_that_stands_still_for_too_long_is_given_up(
    path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "REST_FRAMES_MAX", 0)
    monkeypatch.setattr(log_reader, "UNREAD_BYTES_MAX", 50_000)

    async def main() -> None:
        async with a_database(path) as db:
            reader = attached(db)
            await db.write(begin, reader)
            for number in range(30):
                await db.write(add, f"{number} " * 1_000)
            assert reader.broken == "the log grows faster than it is read"
            assert reader.read() == []

    run(main())


def test_a_log_that_another_program_began_anew_is_not_read_on(path: Path) -> None:
    """Its frames are gone, and their number is known by the count of commits alone."""

    async def main() -> None:
        async with a_database(path) as db:
            reader = attached(db)
            await db.write(begin, reader)
            await db.write(add, "in the log")
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            other.close()
            await db.write(add, "in the next log")
            await db.write(cut, reader)
            assert reader.read() == []
            assert reader.broken == "the log began anew before it was read"

    run(main())


def test_a_window_that_gets_long_ends_before_its_time(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "WINDOW_BYTES_MAX", 30 * 4_096)
    made: list[PagesOfWindow] = []

    async def main() -> None:
        async with a_database(path) as db:
            reader = attached(db)
            await db.write(begin, reader)
            (tmp_path / "copy.db").write_bytes(_copied(path))
            for number in range(200):
                await db.write(add, f"{number} " * 1_000)
                if number % 25 == 0:
                    reader.may_begin_anew()
                    made.extend(reader.read())
            assert len(made) > 2
        made.extend(reader.read())

    run(main())
    apply_all(tmp_path / "copy.db", as_windows(made, tmp_path))
    assert (tmp_path / "copy.db").read_bytes() == path.read_bytes()


def test_a_cut_is_due_some_time_after_the_first_commit_and_not_without_one(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            reader = attached(db)
            await db.write(begin, reader)
            await db.write(cut, reader)
            assert reader.cut_due_ms is None
            await db.write(cut, reader)  # changes nothing
            assert reader.cut_due_ms is None
            await db.write(add, "something")
            assert reader.cut_due_ms == NOON_MS + 10_000

    run(main())
