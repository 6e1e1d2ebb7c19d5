"""A file that was moved or deleted under the server is never written again, nor made anew."""

import asyncio
import logging
import os
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import Unavailable
from spooled_lite.storage import checkpoint, connection
from spooled_lite.storage.writer import plain_commit
from tests.storage.stage import (
    Commits,
    a_database,
    add,
    in_file,
    notes,
    reasons,
    run,
    storage_error,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def move_away(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))


def replace(path: Path) -> None:
    other = path.with_suffix(".other")
    other.touch()
    other.rename(path)


@pytest.mark.parametrize("disturb", [os.unlink, move_away, replace])
def test_a_file_that_is_gone_is_never_written_again(path: Path, disturb: Any) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            disturb(path)
            for _ in range(2):
                with pytest.raises(Unavailable) as refused:
                    await db.write(add, "two")
                assert refused.value.reason == "read_only"
                assert "restart" in refused.value.message
            assert db.writer.state == "failed"

    run(main())

    if disturb is replace:
        assert path.stat().st_size == 0
    else:
        assert not path.exists()


def test_a_file_that_goes_and_comes_back_needs_a_restart(path: Path) -> None:
    moved = path.with_suffix(".moved")

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            os.rename(path, moved)
            with pytest.raises(Unavailable):
                await db.write(add, "two")
            os.rename(moved, path)
            with pytest.raises(Unavailable):
                await db.write(add, "three")

    run(main())

    async def again() -> list[str]:
        async with a_database(path) as db:
            return await db.readers.read(notes)

    assert run(again()) == ["one"]


def test_a_commit_into_a_file_that_was_deleted_meanwhile_is_not_acknowledged(path: Path) -> None:
    def unlink_and_commit(connection: sqlite3.Connection) -> None:
        if armed.is_set():
            path.unlink()
        plain_commit(connection)

    armed = threading.Event()

    async def main() -> None:
        async with a_database(path, commit=unlink_and_commit) as db:
            armed.set()
            results = await asyncio.gather(
                db.write(add, "one"), db.write(add, "two"), return_exceptions=True
            )
            armed.clear()
            assert reasons(results) == ["storage_error"] * 2
            with pytest.raises(Unavailable) as refused:
                await db.write(add, "three")
            assert refused.value.reason == "read_only"

    run(main())

    assert not path.exists()


def test_a_file_that_is_gone_is_not_created_by_opening_it_again(path: Path) -> None:
    commits = Commits()

    def unlink_and_fail(connection: sqlite3.Connection) -> None:
        if commits.errors:
            path.unlink()
        commits(connection)

    async def main() -> None:
        async with a_database(path, commit=unlink_and_fail) as db:
            commits.errors.append(storage_error(sqlite3.SQLITE_IOERR))
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await db.write(add, "one")

    run(main())

    assert not path.exists()


def test_opening_a_file_that_is_gone_creates_none(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connection.open_writer(str(path), "full")

    assert not path.exists()


# -- the log, and the index of the log --------------------------------------------------------


def replace_log(path: Path) -> None:
    replace(path.with_name("spooled.db-wal"))


def unlink_log(path: Path) -> None:
    path.with_name("spooled.db-wal").unlink()


def move_log(path: Path) -> None:
    move_away(path.with_name("spooled.db-wal"))


def unlink_index(path: Path) -> None:
    path.with_name("spooled.db-shm").unlink()


@pytest.mark.parametrize("disturb", [unlink_log, move_log, replace_log, unlink_index])
def test_a_log_that_is_gone_stops_writing_at_once_and_loudly(
    path: Path, disturb: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            disturb(path)
            assert db.writer.state == "failed"
            for _ in range(2):
                with pytest.raises(Unavailable) as refused:
                    await db.write(add, "two")
                assert refused.value.reason == "read_only"
                assert "log" in refused.value.message
                assert "restart" in refused.value.message
            assert await db.readers.read(notes) == ["one"]

    run(main())

    [said] = [each.message for each in caplog.records if each.levelno == logging.CRITICAL]
    assert "spooled.db-" in said


@pytest.mark.parametrize("disturb", [unlink_log, move_log, replace_log])
def test_what_was_acknowledged_is_saved_from_a_log_that_is_gone(path: Path, disturb: Any) -> None:
    copy = path.with_name("as-a-kill-leaves-it.db")

    async def main() -> None:
        async with a_database(path) as db:
            for number in range(20):
                await db.write(add, str(number))
            disturb(path)
            with pytest.raises(Unavailable):
                await db.write(add, "never")
            await asyncio.to_thread(shutil.copy, path, copy)

    run(main())

    assert in_file(copy) == [str(number) for number in range(20)]


def test_a_log_that_goes_while_nobody_writes_is_noticed(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.2)

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            unlink_log(path)
            while not any(each.levelno == logging.CRITICAL for each in caplog.records):
                await asyncio.to_thread(os.getpid)

    run(main())

    assert in_file(path) == ["one"]


def test_a_log_that_goes_with_a_commit_leaves_that_commit_unacknowledged(path: Path) -> None:
    def unlink_and_commit(connection: sqlite3.Connection) -> None:
        plain_commit(connection)
        if armed.is_set():
            unlink_log(path)

    armed = threading.Event()

    async def main() -> None:
        async with a_database(path, commit=unlink_and_commit) as db:
            armed.set()
            results = await asyncio.gather(db.write(add, "one"), return_exceptions=True)
            assert reasons(results) == ["storage_error"]

    run(main())

    assert in_file(path) == ["one"]  # its outcome was called unknown
