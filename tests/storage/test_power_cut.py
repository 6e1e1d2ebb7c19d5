"""Durability `normal` and a power cut: how much is undone, and that the file always opens."""

import asyncio
import contextlib
import errno
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from spooled_lite.storage import checkpoint, log_sync
from spooled_lite.storage.database import Database
from tests.storage.stage import a_database, add, an_idle_database, in_file, notes, run

SECTOR: Final = 512
LOSSES: Final = ("nothing", "the end", "some sectors", "all that was not synced")


class Image(Struct):
    """What was in the file and in its log at one moment, and how much of both is on the disk."""

    file: bytes
    log: bytes
    synced: int  # of the log, in bytes
    promised: int  # notes that were committed before that sync


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


@pytest.fixture(autouse=True)
def only_the_timer_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 3_600.0)


def read_both(path: Path) -> tuple[bytes, bytes]:
    return path.read_bytes(), path.with_name("spooled.db-wal").read_bytes()


def with_losses(image: Image, loss: str, chance: random.Random) -> bytes:
    """The log as the disk may have it: what was synced, and any part of the rest."""
    kept, rest = image.log[: image.synced], bytearray(image.log[image.synced :])
    if loss == "all that was not synced":
        rest.clear()
    elif loss == "the end":
        del rest[chance.randrange(len(rest) + 1) :]
    elif loss == "some sectors":
        for at in range(0, len(rest), SECTOR):
            if chance.random() < 0.3:
                rest[at : at + SECTOR] = bytes(len(rest[at : at + SECTOR]))
    return kept + bytes(rest)


def test_the_log_is_synced_soon_after_a_write_and_not_when_there_was_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sync, "SYNC_SECONDS", 0.01)
    syncs: list[int] = []
    monkeypatch.setattr(log_sync, "sync", syncs.append)

    async def main() -> None:
        async with a_database(path, durability="normal") as db:
            for number in range(3):
                before = len(syncs)
                await db.write(add, str(number))
                while len(syncs) == before:  # nobody has to write for it
                    await asyncio.to_thread(os.getpid)
            assert db.writer._open.log.seconds_to_wait() is None

    run(main())


@pytest.mark.parametrize("durability", ["full", "off"])
def test_where_commits_sync_or_nothing_matters_no_timer_does(
    path: Path, monkeypatch: pytest.MonkeyPatch, durability: str
) -> None:
    async def main() -> None:
        async with a_database(path, durability=durability) as db:
            await db.write(add, "one")
            assert db.writer._open.log.seconds_to_wait() is None

    run(main())


def test_under_load_what_is_not_synced_is_never_older_than_the_timer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sync, "SYNC_SECONDS", 0.0)
    syncs: list[int] = []
    monkeypatch.setattr(log_sync, "sync", syncs.append)

    async def main() -> None:
        async with a_database(path, durability="normal") as db:
            before = len(syncs)
            for number in range(20):
                await db.write(add, str(number))
            assert len(syncs) - before >= 19  # each batch finds the timer run out

    run(main())


def test_a_sync_that_fails_has_the_file_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_sync, "SYNC_SECONDS", 0.0)

    def refuse(descriptor: int) -> None:
        monkeypatch.undo()
        raise OSError("injected")

    async def main() -> None:
        async with a_database(path, durability="normal") as db:
            before = db.writer._connection
            monkeypatch.setattr(log_sync, "sync", refuse)
            await db.write(add, "one")
            while db.writer._connection is before or db.writer.state != "ok":
                await asyncio.to_thread(os.getpid)
            await db.write(add, "two")

    run(main())

    assert in_file(path) == ["one", "two"]
    assert any("could not be synced" in each.message for each in caplog.records)


def images(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Image]:
    """Moments of a database that is written, synced now and then, and checkpointed twice."""
    taken: list[Image] = []
    synced, promised, written = 0, 0, 0

    def see(descriptor: int) -> None:
        nonlocal synced, promised
        synced, promised = os.fstat(descriptor).st_size, written

    monkeypatch.setattr(log_sync, "SYNC_SECONDS", 3_600.0)
    monkeypatch.setattr(log_sync, "sync", see)

    async def main() -> None:
        nonlocal synced, promised, written
        async with a_database(path, durability="normal") as db:
            for number in range(60):
                await db.write(add, f"{number} " + "x" * random.Random(number).randrange(9_000))
                written += 1
                if number % 7 == 6:
                    log = db.writer._open.log
                    log._due_at = 0.0
                    await db.write(lambda tx: None)
                if number % 25 == 24:
                    db.writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                    synced, promised = 0, written
                file, log_bytes = await asyncio.to_thread(read_both, path)
                taken.append(Image(file, log_bytes, min(synced, len(log_bytes)), promised))

    run(main())
    yield from taken


@pytest.mark.slow
def test_whatever_a_power_cut_leaves_opens_and_holds_all_that_was_synced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    for number, image in enumerate(images(path, monkeypatch)):
        loss = LOSSES[number % len(LOSSES)]
        folder = path.parent / f"image-{number}"
        folder.mkdir()
        copy = folder / "spooled.db"
        copy.write_bytes(image.file)
        copy.with_name("spooled.db-wal").write_bytes(with_losses(image, loss, chance))

        async def look(copy: Path = copy) -> list[str]:
            async with a_database(copy, durability="normal") as db:
                return await db.readers.read(notes)

        found = [text.split()[0] for text in run(look())]

        assert found == [str(each) for each in range(len(found))], loss
        assert len(found) >= image.promised, loss
        connection = sqlite3.connect(copy)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], loss
        connection.close()


def test_a_first_start_that_is_cut_leaves_a_file_that_opens(path: Path) -> None:
    database: Database = an_idle_database(path, durability="normal")
    file, log = read_both(path)
    database.close()
    copy = path.parent / "cut" / "spooled.db"
    copy.parent.mkdir()
    copy.write_bytes(file)
    copy.with_name("spooled.db-wal").write_bytes(log[: len(log) // 2])

    connection = sqlite3.connect(copy)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()

    # The schema is in the file itself before anything is promised.
    assert version > 0


@pytest.fixture
def left(path: Path) -> Path:
    """A file with a log, as a kill leaves them."""
    copy = path.parent / "left" / "spooled.db"
    copy.parent.mkdir()

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            file, log = await asyncio.to_thread(read_both, path)
            copy.write_bytes(file)
            copy.with_name("spooled.db-wal").write_bytes(log)

    run(main())
    return copy


def test_a_log_that_was_left_is_on_the_disk_before_it_is_read(
    left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    log = left.with_name("spooled.db-wal")
    before = log.read_bytes()

    def see(descriptor: int) -> None:
        assert os.fstat(descriptor).st_ino == log.stat().st_ino
        synced.append(log.read_bytes())

    monkeypatch.setattr(log_sync, "sync", see)
    an_idle_database(left).close()

    assert synced == [before]
    assert in_file(left) == ["one"]


@pytest.mark.parametrize(("error", "opens"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_a_log_that_cannot_be_written_again_is_an_error_unless_there_is_no_room(
    left: Path, monkeypatch: pytest.MonkeyPatch, error: int, opens: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, "injected")

    monkeypatch.setattr(os, "pwrite", refuse)
    with contextlib.nullcontext() if opens else pytest.raises(OSError, match="injected"):
        an_idle_database(left).close()
    monkeypatch.undo()
    assert in_file(left) == ["one"]
