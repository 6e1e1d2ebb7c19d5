"""What the writing thread does about a storage that fails again and again, or for long."""

import asyncio
import errno
import logging
import os
import resource
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import Unavailable
from spooled_lite.storage import checkpoint, connection, recovery
from spooled_lite.storage.database import Database
from tests.storage.stage import (
    SECONDS_MAX,
    Commits,
    a_database,
    add,
    in_file,
    notes,
    run,
    storage_error,
)

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


async def fail(db: Database, commits: Commits, code: int) -> Unavailable:
    """What the caller of a write is told whose commit ends with this code."""
    commits.errors.append(storage_error(code))
    with pytest.raises(Unavailable) as refused:
        await db.write(add, "lost")
    return refused.value


async def until(db: Database, state: str) -> None:
    while db.writer.state != state:
        await asyncio.to_thread(os.getpid)


# -- why the system does not take a write -----------------------------------------------------


@pytest.mark.parametrize("reason", ["storage_full", "read_only"])
def test_a_write_that_the_system_refuses_has_its_reason_and_nothing_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, reason: Any
) -> None:
    monkeypatch.setattr(recovery, "why_unwritable", lambda path: reason)
    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            before = db.writer._connection
            refused = await fail(db, commits, sqlite3.SQLITE_IOERR_WRITE)
            assert refused.reason == reason
            assert "nothing was stored" in refused.message
            await db.write(add, "after")
            assert db.writer._connection is before
            assert db.writer.state == "ok"

    run(main())

    assert in_file(path) == ["after"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "storage_full"),
        (errno.EDQUOT, "storage_full"),
        (errno.EFBIG, "storage_full"),
        (errno.EROFS, "read_only"),
        (errno.EIO, None),
    ],
)
def test_the_system_is_asked_beside_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str | None
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)

    assert recovery.why_unwritable(str(path)) == reason
    monkeypatch.undo()
    assert recovery.why_unwritable(str(path)) is None
    assert list(path.parent.iterdir()) == []


def test_a_limit_on_the_length_of_files_is_a_full_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (100 * 2**20, 100 * 2**20))
    path.touch()
    assert recovery.why_unwritable(str(path)) is None

    os.truncate(path, 90 * 2**20)

    assert recovery.why_unwritable(str(path)) == "storage_full"


# -- read-only, for a while -------------------------------------------------------------------


def test_a_read_only_file_is_not_ready_until_it_can_be_written_whoever_writes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "TROUBLE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 3_600.0)  # nothing else wakes it

    async def main() -> None:
        async with a_database(path) as db:
            db.writer._connection.execute("PRAGMA query_only = 1")
            for _ in range(2):
                with pytest.raises(Unavailable) as refused:
                    await db.write(add, "lost")
                assert refused.value.reason == "read_only"
                assert db.writer.state == "failed"
            assert await db.readers.read(notes) == []

            db.writer._connection.execute("PRAGMA query_only = 0")
            await until(db, "ok")

    run(main())


# -- opening the file again -------------------------------------------------------------------


def test_a_file_found_whole_is_not_read_from_end_to_end_at_every_failure(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, checks = Commits(), [0]
    open_writer = connection.open_writer

    def traced(path: str, durability: Any) -> sqlite3.Connection:
        opened = open_writer(path, durability)
        opened.set_trace_callback(lambda sql: checks.append(1) if "quick_check" in sql else None)
        return opened

    monkeypatch.setattr(recovery, "open_writer", traced)

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            for _ in range(5):
                await fail(db, commits, sqlite3.SQLITE_IOERR)
                await until(db, "ok")
            await db.write(add, "after")

    run(main())

    assert sum(checks) == 1
    assert in_file(path) == ["after"]


def test_a_file_that_stays_unwritable_is_not_read_from_end_to_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    commits = Commits()
    monkeypatch.setattr(recovery, "TROUBLE_PAUSE_SECONDS", 0.01)
    open_writer = connection.open_writer
    tries = 0

    def read_only(path: str, durability: Any) -> sqlite3.Connection:
        nonlocal tries
        tries += 1
        opened = open_writer(path, durability)
        if tries < 4:
            opened.execute("PRAGMA query_only = 1")
            opened.set_trace_callback(lambda sql: pytest.fail(sql) if "check" in sql else None)
        return opened

    monkeypatch.setattr(recovery, "open_writer", read_only)

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            await fail(db, commits, sqlite3.SQLITE_IOERR)
            await until(db, "ok")
            await db.write(add, "after")

    run(main())

    assert tries == 4
    errors = [each.message for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 2  # the lost batch, and one line for all that failed alike after it


class _Checking(sqlite3.Connection):
    """Its check of the file has no end."""

    begun = threading.Event()

    def execute(self, statement: str, *params: Any) -> sqlite3.Cursor:
        if "quick_check" in statement:
            self.begun.set()
            statement = ENDLESS
        return super().execute(statement, *params)


def test_a_stop_ends_the_check_of_a_file_that_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    commits = Commits()
    monkeypatch.setattr(
        recovery,
        "open_writer",
        lambda path, durability: sqlite3.connect(
            path, factory=_Checking, check_same_thread=False, isolation_level=None
        ),
    )

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            await db.write(add, "before")
            await fail(db, commits, sqlite3.SQLITE_IOERR)
            assert await asyncio.to_thread(_Checking.begun.wait, SECONDS_MAX)

    run(main())

    assert in_file(path) == ["before"]
    assert [each for each in caplog.records if each.exc_info] == []


def test_a_stop_while_the_file_cannot_be_opened_again_is_a_stop(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    commits, tried = Commits(), threading.Event()

    def refuse(path: str, durability: Any) -> sqlite3.Connection:
        tried.set()
        raise storage_error(sqlite3.SQLITE_CANTOPEN)

    monkeypatch.setattr(recovery, "open_writer", refuse)

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            await db.write(add, "before")
            await fail(db, commits, sqlite3.SQLITE_IOERR)
            assert await asyncio.to_thread(tried.wait, SECONDS_MAX)
            with pytest.raises(Unavailable):
                await db.write(add, "never")

    run(main())

    assert in_file(path) == ["before"]
    assert [each for each in caplog.records if each.exc_info] == []
    assert not any("checkpoint" in each.message for each in caplog.records)
