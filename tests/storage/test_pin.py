"""A pinned moment: it stays as it was, the log is not emptied meanwhile, and it has its limits."""

import itertools
import sqlite3
from pathlib import Path

import pytest

from spooled_lite.storage import checkpoint
from spooled_lite.storage.database import Database
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.pin import Pin, PinLimits, PinLost
from tests.storage.stage import a_database, add, notes, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def a_pin(db: Database, **limits: float) -> Pin:
    return db.pin(PinLimits(**limits), is_stopping=lambda: False)  # type: ignore[arg-type]


def count_in(pin: Pin) -> int:
    count: int = pin.connection.execute("SELECT count(*) FROM notes").fetchone()[0]
    return count


def test_what_is_written_later_is_not_in_it(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "before")
            with a_pin(db) as pin:
                for number in range(20):
                    await db.write(add, f"later {number}")
                assert count_in(pin) == 1
            assert len(await db.readers.read(notes)) == 21

    run(main())


def test_no_checkpoint_waits_for_it_and_the_log_is_emptied_after_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that empties the log would wait a quarter of a second for each pinned moment."""
    for bound in ("PASSIVE_BYTES", "TRUNCATE_BYTES", "IDLE_SECONDS"):
        monkeypatch.setattr(checkpoint, bound, 0)
    modes: list[str] = []
    moved = checkpoint.Checkpointer._checkpoint

    def noting(self: checkpoint.Checkpointer, connection: sqlite3.Connection, mode: str) -> bool:
        modes.append(mode)
        return moved(self, connection, mode)

    monkeypatch.setattr(checkpoint.Checkpointer, "_checkpoint", noting)

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "before")
            with a_pin(db):
                await db.write(add, "while it is pinned")  # its batch may have begun before
                modes.clear()
                for number in range(10):
                    await db.write(add, f"note {number}")
                assert set(modes) == {"PASSIVE"}
                assert db.writer.file.wal_bytes() > 0
            while db.writer.file.wal_bytes():  # nobody writes any more
                await db.readers.read(notes)

    run(main())


def test_two_of_them_hold_the_log_until_the_last_is_let_go_of(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0)

    async def main() -> None:
        async with a_database(path) as db:
            first, second = a_pin(db), a_pin(db)
            with first:
                with second:
                    await db.write(add, "one")
                await db.write(add, "two")
                assert db.writer.pins.any()
                assert count_in(first) == 0
            assert not db.writer.pins.any()

    run(main())


def test_a_pin_that_cannot_be_taken_holds_nothing(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            pin = Pin(str(path.with_name("gone")), db.writer.pins, lambda: None)
            with pytest.raises(sqlite3.OperationalError), pin:
                pass
            assert not db.writer.pins.any()

    run(main())


def test_it_is_lost_after_its_time(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            with a_pin(db, seconds_max=0) as pin, pytest.raises(PinLost, match="longer than 0"):
                pin.check()

    run(main())


def test_it_is_lost_when_the_disk_is_nearly_full(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiskRoom, "is_low", lambda self: True)

    async def main() -> None:
        async with a_database(path) as db:
            with a_pin(db) as pin, pytest.raises(PinLost, match="nearly full"):
                pin.check()

    run(main())


def test_it_is_lost_when_the_file_was_opened_again(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            with a_pin(db) as pin:
                pin.check()
                db.readers.reopen()
                with pytest.raises(PinLost, match="storage is failing"):
                    pin.check()

    run(main())


def test_it_is_lost_when_the_log_grows_or_the_server_stops(path: Path) -> None:
    stopping = itertools.chain([False], itertools.repeat(True))

    async def main() -> None:
        async with a_database(path) as db:
            pin = db.pin(PinLimits(wal_bytes_max=1 << 30), is_stopping=lambda: next(stopping))
            with pin:
                pin.check()
                with pytest.raises(PinLost, match="stopping"):
                    pin.check()
            with a_pin(db, wal_bytes_max=1024 * 1024) as small:
                small.check()
                await db.write(add, "x" * 2 * 1024 * 1024)
                with pytest.raises(PinLost, match="beyond 1 MiB"):
                    small.check()

    run(main())
