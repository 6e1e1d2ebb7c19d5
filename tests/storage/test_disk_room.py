"""The reserve of the disk: creates leave it alone, and whatever frees room always has some."""

import asyncio
import logging
import os
import sqlite3
from pathlib import Path

import pytest

from spooled_lite.core.maintenance.prune import Pruning, Retention
from spooled_lite.core.maintenance.statements import FREE_PAGES
from spooled_lite.errors import Unavailable
from spooled_lite.storage import checkpoint, database, disk_room, writer
from spooled_lite.storage.database import Database
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.shrink import shrink
from spooled_lite.storage.transaction import Tx
from tests.storage.stage import (
    NOON_MS,
    Commits,
    a_database,
    add,
    an_idle_database,
    lined_up,
    notes,
    reasons,
    run,
    storage_error,
)

MIB = 2**20
DISK_BYTES = 24 * MIB
RESERVE_BYTES = 8 * MIB


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def used_bytes(folder: str | Path) -> int:
    return sum(each.stat().st_size for each in os.scandir(folder))


def lock_bytes(path: Path) -> int:
    return os.stat(f"{path}.lock").st_size


async def free_pages(db: Database) -> int:
    return await db.write(lambda tx: tx.value(FREE_PAGES)) or 0


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of which the folder of the file takes what its files are long."""
    monkeypatch.setattr(disk_room, "WANTED_SECONDS", 3_600.0)  # whoever was refused waits on
    monkeypatch.setattr(
        disk_room, "free_bytes", lambda folder: max(0, DISK_BYTES - used_bytes(folder))
    )


def make_blobs(tx: Tx) -> None:
    tx.execute("CREATE TABLE blobs (seq INTEGER PRIMARY KEY, bytes BLOB)")


def add_blobs(tx: Tx, count: int = 100, length: int = 9_000) -> None:
    for _ in range(count):
        tx.execute("INSERT INTO blobs (bytes) VALUES (randomblob(:length))", {"length": length})


def delete_blobs(tx: Tx) -> int:
    return tx.execute("DELETE FROM blobs WHERE seq IN (SELECT seq FROM blobs LIMIT 100)")


async def fill(db: Database) -> None:
    """Create until it is refused, in batches of several bulks."""
    while True:
        results = await asyncio.gather(
            *(lined_up(db, add_blobs, (), lane=Lane.CREATE) for _ in range(5)),
            return_exceptions=True,
        )
        if refused := [each for each in results if each is not None]:
            assert set(reasons(refused)) == {"storage_full"}
            return


def test_while_there_is_plenty_of_room_a_batch_asks_the_disk_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, asked = [100 * 1024 * MIB], list[str]()
    monkeypatch.setattr(disk_room, "LOOK_SECONDS", 3_600.0)
    monkeypatch.setattr(disk_room, "free_bytes", lambda folder: left[0])

    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES) as db:
            await db.write(add, "one")
            db.writer._connection.set_trace_callback(asked.append)

            await db.write(add, "two")
            assert not [each for each in asked if "page_count" in each]

            left[0] = RESERVE_BYTES // 2  # from one batch to the next
            with pytest.raises(Unavailable, match="No room"):
                await lined_up(db, add, ("three",), lane=Lane.CREATE)

    run(main())


async def until_nothing_is_given_back(db: Database) -> None:
    while await free_pages(db) >= disk_room.GIVE_BACK_FROM:
        await db.readers.read(notes)


def test_creates_never_take_the_reserve_not_even_when_the_log_is_copied(
    path: Path, small_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 3_600.0)  # the log is not emptied meanwhile

    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES, durability="off") as db:
            await db.write(make_blobs)
            await fill(db)

            # In the log and not in the file yet: both are counted.
            assert db.writer.file.wal_bytes() > 0
            assert used_bytes(path.parent) <= DISK_BYTES - RESERVE_BYTES
            await fill(db)
            assert used_bytes(path.parent) <= DISK_BYTES - RESERVE_BYTES

    run(main())

    assert used_bytes(path.parent) <= DISK_BYTES - RESERVE_BYTES


def test_a_small_create_is_taken_where_a_large_one_does_not_fit(
    path: Path, small_disk: None
) -> None:
    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES, durability="off") as db:
            await db.write(make_blobs)
            with pytest.raises(Unavailable, match="No room"):
                await lined_up(db, add_blobs, (1, 20 * MIB), lane=Lane.CREATE)

            await lined_up(db, add, ("small",), lane=Lane.CREATE)

    run(main())


def test_a_purge_on_a_low_disk_needs_little_room_and_gives_its_room_back(
    path: Path, small_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 3_600.0)  # nothing is left to a quiet moment
    lowest = DISK_BYTES

    async def main() -> None:
        nonlocal lowest
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES, durability="off") as db:
            await db.write(make_blobs)
            await fill(db)
            await fill(db)
            while await db.write(delete_blobs):
                lowest = min(lowest, DISK_BYTES - used_bytes(path.parent))

            # Somebody wants to create, which is what has the room given back.
            await until_nothing_is_given_back(db)
            assert await lined_up(db, add_blobs, (), lane=Lane.CREATE) is None
            assert used_bytes(path.parent) < DISK_BYTES - RESERVE_BYTES - 4 * MIB

    run(main())

    assert lowest > RESERVE_BYTES - 4 * MIB


def test_the_file_is_left_alone_while_there_is_room(path: Path) -> None:
    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=1) as db:
            await db.write(make_blobs)
            for _ in range(10):
                await db.write(add_blobs)
            while await db.write(delete_blobs):
                pass
            assert await free_pages(db) > 10 * disk_room.GIVE_BACK_FROM

    run(main())


def test_the_last_part_of_the_reserve_is_for_what_hardly_grows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES, durability="off") as db:
            await db.write(make_blobs)
            await db.write(add_blobs)
            monkeypatch.setattr(disk_room, "free_bytes", lambda folder: 2 * MIB)

            for lane in (Lane.SETTLE, Lane.CLAIM, Lane.REST):
                assert await lined_up(db, add, (lane.name,), lane=lane) == lane.name
                with pytest.raises(Unavailable) as refused:
                    await lined_up(db, add_blobs, (), lane=lane)
                assert refused.value.reason == "storage_full"
            assert await db.write(delete_blobs) == 100
            assert db.writer.state == "ok"

    run(main())


def test_room_is_given_back_in_passes_of_many_pages(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = 0

    def counted(connection: sqlite3.Connection, room: disk_room.DiskRoom) -> bool:
        nonlocal passes
        goes_on = shrink(connection, room)
        passes += goes_on
        return goes_on

    async def main() -> None:
        async with a_database(path, durability="off", disk_reserve_bytes=RESERVE_BYTES) as db:
            await db.write(make_blobs)
            for _ in range(10):
                await db.write(add_blobs)
            while await db.write(delete_blobs):
                pass
            free = await free_pages(db)
            monkeypatch.setattr(writer, "shrink", counted)
            monkeypatch.setattr(disk_room, "free_bytes", lambda folder: RESERVE_BYTES // 2)
            await db.write(add, "one")
            await until_nothing_is_given_back(db)
            assert passes < free / disk_room.GIVE_BACK_PAGES + 10

    run(main())


def test_the_sweep_gives_back_what_is_mostly_empty_many_pages_at_a_time(path: Path) -> None:
    async def main() -> None:
        async with a_database(path, durability="off") as db:
            await db.write(make_blobs)
            for _ in range(10):
                await db.write(add_blobs)
            while await db.write(delete_blobs):
                pass
            before, passes = await free_pages(db), 0
            pruning = Pruning(Retention())
            while (await db.write(pruning.run_once)).due_again_ms == NOON_MS:
                passes += 1
            assert before > 10 * disk_room.GIVE_BACK_PAGES
            assert await free_pages(db) < before / 2
            assert passes < before / disk_room.GIVE_BACK_PAGES + 5

    run(main())


# -- the spare room in the lock file ----------------------------------------------------------


def test_on_a_full_disk_the_spare_room_is_used_and_the_call_is_done_after_all(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits, disk_reserve_bytes=RESERVE_BYTES) as db:
            assert lock_bytes(path) > 4 * MIB
            monkeypatch.setattr(disk_room, "free_bytes", lambda folder: 0)
            commits.errors += [storage_error(sqlite3.SQLITE_FULL)]
            results = await asyncio.gather(
                *(lined_up(db, add, (text,), lane=Lane.SETTLE) for text in ("one", "two"))
            )
            assert results == ["one", "two"]
            assert lock_bytes(path) < MIB

            commits.errors += [storage_error(sqlite3.SQLITE_FULL)]  # this is all there was
            with pytest.raises(Unavailable) as refused:
                await db.write(add, "three")
            assert refused.value.reason == "storage_full"

            monkeypatch.undo()
            monkeypatch.setattr(disk_room, "LOOK_SECONDS", 0.0)
            monkeypatch.setattr(disk_room, "WANTED_SECONDS", 0.0)
            await db.write(add, "four")
            await db.write(add, "five")
            assert lock_bytes(path) > 4 * MIB
            assert await db.readers.read(notes) == ["one", "two", "four", "five"]

    run(main())

    assert any("the disk is full" in record.message for record in caplog.records)


def test_a_start_on_a_full_disk_serves_and_says_so(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before() -> None:
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES) as db:
            await db.write(add, "before")

    run(before())
    monkeypatch.setattr(disk_room, "free_bytes", lambda folder: 0)
    caplog.clear()

    async def main() -> None:
        async with a_database(path, table=False, disk_reserve_bytes=RESERVE_BYTES) as db:
            assert lock_bytes(path) < MIB  # SQLite needs room to open it
            assert await db.readers.read(notes) == ["before"]
            assert await lined_up(db, add, ("settled",), lane=Lane.SETTLE) == "settled"
            with pytest.raises(Unavailable):
                await lined_up(db, add, ("created",), lane=Lane.CREATE)

    run(main())

    [said] = [
        each.message for each in caplog.records if each.name == "spooled_lite.storage.disk_room"
    ]
    assert said.startswith("the disk is nearly full: 0 MiB are left")
    assert caplog.records[0].levelno == logging.WARNING


def test_opening_a_file_again_writes_nothing(path: Path) -> None:
    an_idle_database(path).close()
    before = path.read_bytes()

    database = an_idle_database(path)
    written = database.writer.file.wal_bytes()
    database.close()

    assert written == 0
    assert path.read_bytes() == before


def test_a_disk_without_room_to_open_the_file_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, durability: str) -> sqlite3.Connection:
        raise storage_error(sqlite3.SQLITE_IOERR)

    monkeypatch.setattr(database, "open_writer", refuse)
    monkeypatch.setattr(disk_room, "free_bytes", lambda folder: 0)

    with pytest.raises(CannotUseFile, match=f"{path}: the disk is full"):
        an_idle_database(path, disk_reserve_bytes=RESERVE_BYTES)


def test_a_disk_at_the_edge_of_the_reserve_is_a_line_now_and_then(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left = [RESERVE_BYTES]

    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=RESERVE_BYTES) as db:
            monkeypatch.setattr(disk_room, "free_bytes", lambda folder: left[0])
            for number in range(20):
                left[0] = RESERVE_BYTES + (MIB if number % 2 else -MIB)
                await db.write(add, str(number))

    run(main())

    said = [each for each in caplog.records if each.name == "spooled_lite.storage.disk_room"]
    assert len(said) == 1
