"""The log: emptied when idle and at the end, bounded under load, whoever reads meanwhile."""

import asyncio
import contextlib
import itertools
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from spooled_lite.clock import ManualClock
from spooled_lite.errors import RequestTimeout
from spooled_lite.storage import checkpoint, quiet_moment, recovery, waiting_reads
from spooled_lite.storage.database import Database
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.file_guard import FileLock
from spooled_lite.storage.quiet_moment import QuietMoment
from spooled_lite.storage.readers import Readers
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx
from tests.storage.stage import (
    NOON_MS,
    NOTES_AFTER,
    SECONDS_MAX,
    Commits,
    a_database,
    add,
    notes,
    reasons,
    run,
    storage_error,
)

MIB = 1024 * 1024
# Some tens of milliseconds, in steps at each of which a read can be ended.
LONG = Value(
    int,
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
    " SELECT max(i) FROM n",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def add_large(tx: Tx, text: str) -> None:
    add(tx, text + "x" * 20_000)


def test_the_log_is_emptied_when_idle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.0)

    async def main() -> None:
        async with a_database(path) as db:
            assert db.writer.checkpoint_age_seconds is None
            await db.write(add, "one")
            while db.writer.file.wal_bytes():
                await db.readers.read(notes)
            while db.writer.checkpoint_age_seconds is None:  # said just after it is done
                await db.readers.read(notes)

    run(main())


def test_the_log_is_gone_after_closing(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            await db.readers.read(notes)
            await db.readers.point(notes)
            assert db.writer.file.wal_bytes() > 0

    run(main())

    assert {each.name for each in path.parent.iterdir()} == {"spooled.db", "spooled.db.lock"}


def test_the_log_is_bounded_under_load(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PASSIVE_BYTES", 200_000)
    monkeypatch.setattr(checkpoint, "TRUNCATE_BYTES", 800_000)
    longest = 0

    async def main() -> None:
        nonlocal longest
        async with a_database(path, durability="normal") as db:
            for number in range(300):
                await db.write(add_large, str(number))
                longest = max(longest, db.writer.file.wal_bytes())

    run(main())

    assert longest < 1_200_000  # of more than 6 MB written


def read_long(reading: Reading) -> int:
    notes(reading)  # from here on it is in the way
    found = reading.value(LONG)
    assert found is not None
    return found


class Pin:
    """A read that stays until it is let go, and cannot be ended."""

    def __init__(self, db: Database) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()
        self._task = asyncio.create_task(db.readers.read(self._read))

    async def is_there(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, SECONDS_MAX)

    async def end(self) -> None:
        self.go_on.set()
        await self._task

    def _read(self, reading: Reading) -> None:
        notes(reading)
        self.entered.set()
        assert self.go_on.wait(SECONDS_MAX)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not condition():  # noqa: ASYNC110  # the log announces itself to nobody
            await asyncio.sleep(0.005)


def test_the_log_is_emptied_under_load_though_reads_overlap(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PASSIVE_BYTES", 200_000)
    monkeypatch.setattr(checkpoint, "TRUNCATE_BYTES", 800_000)
    monkeypatch.setattr(quiet_moment, "PATIENCE_SECONDS", 0.0)
    emptied = read_count = 0
    plain = checkpoint.Checkpointer._checkpoint

    def counting(self: checkpoint.Checkpointer, connection: sqlite3.Connection, mode: str) -> bool:
        nonlocal emptied
        was_whole = plain(self, connection, mode)
        emptied += mode == "TRUNCATE" and was_whole
        return was_whole

    monkeypatch.setattr(checkpoint.Checkpointer, "_checkpoint", counting)

    async def main() -> None:
        async with a_database(path, durability="normal") as db:
            # Checkpoints that waited for readers would find a gap by luck.
            db.writer._connection.execute("PRAGMA busy_timeout = 0")

            async def keep_reading() -> None:
                nonlocal read_count
                while emptied < 3:
                    with contextlib.suppress(RequestTimeout):
                        await db.readers.read(read_long)
                        read_count += 1

            reading = [asyncio.create_task(keep_reading()) for _ in range(6)]
            for number in itertools.count():
                await db.write(add_large, str(number))
                if emptied >= 3:
                    break
            await asyncio.gather(*reading)

    run(main())

    assert read_count > 0


def test_a_log_that_holds_the_spare_room_is_neither_cut_nor_grows_though_reads_overlap(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet_moment, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(DiskRoom, "is_wanted", lambda self: True)
    monkeypatch.setattr(FileLock, "keep_spare", lambda self: None)
    restarted = 0
    lengths: list[int] = []
    plain = checkpoint.Checkpointer._checkpoint

    def counting(self: checkpoint.Checkpointer, connection: sqlite3.Connection, mode: str) -> bool:
        nonlocal restarted
        was_whole = plain(self, connection, mode)
        restarted += mode == "RESTART" and was_whole
        return was_whole

    monkeypatch.setattr(checkpoint.Checkpointer, "_checkpoint", counting)

    async def main() -> None:
        async with a_database(path, durability="normal", disk_reserve_bytes=MIB) as db:
            db.writer._connection.execute("PRAGMA busy_timeout = 0")
            await db.write(add_large, "first")
            db.writer.file.lengthen_log(4 * MIB)

            async def keep_reading() -> None:
                while restarted < 3:
                    with contextlib.suppress(RequestTimeout):
                        await db.readers.read(read_long)

            reading = [asyncio.create_task(keep_reading()) for _ in range(6)]
            for number in itertools.count():
                await db.write(add_large, str(number))
                lengths.append(db.writer.file.wal_bytes())
                if restarted >= 3:
                    break
            await asyncio.gather(*reading)

    run(main())

    assert lengths == sorted(lengths), "it was never cut"
    assert lengths[0] >= 4 * MIB
    assert lengths[-1] < 16 * MIB


def test_a_reader_that_stays_is_not_waited_for_at_every_batch(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PASSIVE_BYTES", 200_000)
    monkeypatch.setattr(checkpoint, "TRUNCATE_BYTES", 300_000)
    monkeypatch.setattr(checkpoint, "MOMENT_SECONDS_MAX", 0.0)
    asked = 0
    plain = QuietMoment.ask

    def counting(self: QuietMoment, on_quiet: Callable[[], None]) -> None:
        nonlocal asked
        asked += 1
        plain(self, on_quiet)

    monkeypatch.setattr(QuietMoment, "ask", counting)

    async def main() -> None:
        async with a_database(path, durability="normal") as db:
            pin = Pin(db)
            await pin.is_there()
            for number in range(60):
                await db.write(add_large, str(number))
            assert 1 <= asked <= 20  # and not once for each of the 60
            assert len(await db.readers.read(notes)) == 60  # nobody is held back any more
            await pin.end()

    run(main())


def test_a_reader_of_another_process_holds_up_no_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup from outside reads for minutes. To wait for it would take 250 ms at every try."""
    monkeypatch.setattr(checkpoint, "PASSIVE_BYTES", 200_000)
    monkeypatch.setattr(checkpoint, "TRUNCATE_BYTES", 300_000)
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 1_000.0)
    modes: list[str] = []
    moments = 0
    plain, plain_ask = checkpoint.Checkpointer._checkpoint, QuietMoment.ask

    def noting(self: checkpoint.Checkpointer, connection: sqlite3.Connection, mode: str) -> bool:
        modes.append(mode)
        return plain(self, connection, mode)

    def counting(self: QuietMoment, on_quiet: Callable[[], None]) -> None:
        nonlocal moments
        moments += 1
        plain_ask(self, on_quiet)

    monkeypatch.setattr(checkpoint.Checkpointer, "_checkpoint", noting)
    monkeypatch.setattr(QuietMoment, "ask", counting)

    async def main() -> None:
        async with a_database(path, durability="normal") as db:
            await db.write(add, "one")
            outside = sqlite3.connect(path, isolation_level=None)
            outside.execute("BEGIN")
            outside.execute("SELECT count(*) FROM notes").fetchone()
            for number in range(60):
                await db.write(add_large, str(number))
            assert modes.count("PASSIVE") > 3  # what may be moved is moved
            assert "TRUNCATE" not in modes
            assert moments <= 2, "readers of this process are not held back for it again and again"
            outside.close()

            for number in range(60, 80):
                await db.write(add_large, str(number))
            assert "TRUNCATE" in modes

    run(main())


def test_the_log_is_emptied_in_a_silence_though_the_first_try_met_a_reader(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(checkpoint, "MOMENT_SECONDS_MAX", 0.01)
    given_up = threading.Event()
    plain = QuietMoment.end

    def end(self: QuietMoment) -> None:
        if not self.is_there:
            given_up.set()
        plain(self)

    monkeypatch.setattr(QuietMoment, "end", end)

    async def main() -> None:
        async with a_database(path) as db:
            pin = Pin(db)
            await pin.is_there()
            await db.write(add, "one")
            assert await asyncio.to_thread(given_up.wait, SECONDS_MAX)
            await pin.end()

            await until(lambda: db.writer.file.wal_bytes() == 0)

    run(main())


def test_the_writing_thread_sleeps_longer_when_readers_are_in_the_way_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.001)
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS_MAX", 0.016)
    monkeypatch.setattr(checkpoint, "MOMENT_SECONDS_MAX", 0.0)
    waits: list[float | None] = []
    plain = checkpoint.Checkpointer.wait_seconds

    def noting(self: checkpoint.Checkpointer) -> float | None:
        waits.append(plain(self))
        return waits[-1]

    monkeypatch.setattr(checkpoint.Checkpointer, "wait_seconds", noting)

    async def main() -> None:
        async with a_database(path) as db:
            pin = Pin(db)
            await pin.is_there()
            await db.write(add, "one")
            await until(lambda: waits.count(0.016) >= 2)
            await pin.end()
            await until(lambda: waits[-1] is None)

    run(main())


def test_a_read_that_is_ended_for_a_moment_is_run_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(quiet_moment, "PATIENCE_SECONDS", 0.0)
    runs = 0

    def read(reading: Reading) -> str:
        nonlocal runs
        runs += 1
        notes(reading)
        while runs == 1:  # until it is ended
            read_long(reading)
        return "read"

    async def main() -> None:
        async with a_database(path) as db:
            task = asyncio.create_task(db.readers.read(read))
            await until(lambda: runs >= 1)
            await db.write(add, "one")

            assert await task == "read"
            assert runs >= 2

    run(main())


def test_a_read_that_is_always_in_the_way_is_refused_in_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(quiet_moment, "PATIENCE_SECONDS", 0.0)
    runs = 0

    def read(reading: Reading) -> None:
        nonlocal runs
        runs += 1
        while True:
            read_long(reading)

    def runs_more_than(count: int) -> bool:
        return runs > count

    async def main() -> None:
        async with a_database(path) as db:
            task = asyncio.create_task(db.readers.read(read))
            for number in range(waiting_reads.MOMENTS_MAX + 1):
                await until(partial(runs_more_than, number))
                await db.write(add, str(number))

            with pytest.raises(RequestTimeout):
                await task
            assert runs == waiting_reads.MOMENTS_MAX + 1

    run(main())


def test_a_page_of_a_long_read_waits_for_the_end_of_the_moment(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            own = Readers(db.path, clock=ManualClock(NOON_MS))  # no writer asks of these
            own.moment.ask(lambda: None)
            page = asyncio.ensure_future(anext(own.pages(NOTES_AFTER, {})))
            await until(lambda: len(own.moment._pages) == 1)
            assert not page.done()
            own.moment.end()

            assert [row["text"] for row in await page] == ["one"]
            own.close()

    run(main())


def test_readers_are_not_held_back_while_the_storage_is_in_trouble(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PASSIVE_CHANGES", 1)
    monkeypatch.setattr(checkpoint, "TRUNCATE_BYTES", 1)
    monkeypatch.setattr(checkpoint, "MOMENT_SECONDS_MAX", 1_000.0)
    commits = Commits()

    def fail(connection: sqlite3.Connection) -> None:
        raise storage_error(sqlite3.SQLITE_IOERR)

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            pin = Pin(db)
            await pin.is_there()
            await db.write(add, "one")
            await until(lambda: db.readers.moment.is_asked)
            # Every trial fails as well: once the storage is well, the log may be emptied again.
            opens = recovery._write_nothing
            monkeypatch.setattr(recovery, "_write_nothing", fail)
            commits.errors.append(storage_error(sqlite3.SQLITE_IOERR))
            assert reasons(await asyncio.gather(db.write(add, "two"), return_exceptions=True)) == [
                "storage_error"
            ]

            assert await db.readers.read(notes) == ["one"]
            monkeypatch.setattr(recovery, "_write_nothing", opens)
            await pin.end()

    run(main())
