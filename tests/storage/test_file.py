"""The file: its pragmas, its log, its lock, who may read it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from spooled_lite.storage import file_guard
from spooled_lite.storage.connection import WrongPragma, open_reader
from spooled_lite.storage.database import Database
from spooled_lite.storage.file_guard import CannotUseFile, FileInUse
from spooled_lite.storage.file_kind import APPLICATION_ID
from tests.storage.stage import (
    a_database,
    add,
    an_idle_database,
    in_file,
    notes,
    run,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def pragma(connection: sqlite3.Connection, name: str) -> object:
    row = connection.execute(f"PRAGMA {name}").fetchone()
    return row[0] if row is not None else 0


# -- pragmas ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("auto_vacuum", 2),
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("temp_store", 2),
        ("mmap_size", 0),
        ("cache_size", -16 * 1024),
        ("wal_autocheckpoint", 0),
        ("journal_size_limit", 64 * 1024 * 1024),
        ("busy_timeout", 250),
    ],
)
def test_the_writing_connection_has_the_pragmas_the_promises_rest_on(
    path: Path, name: str, wanted: object
) -> None:
    database = an_idle_database(path)

    found = pragma(database.writer._connection, name)

    database.close()
    assert found == wanted


@pytest.mark.parametrize("value", [None, b"", b"bytes", b"\0"])
def test_what_is_bound_without_a_look_for_a_conversion_is_stored_as_it_is(
    path: Path, value: bytes | None
) -> None:
    database = an_idle_database(path)
    [row] = database.writer._connection.execute("SELECT ?, typeof(?)", (value, value))
    database.close()

    assert (type(value), sqlite3.PrepareProtocol) in sqlite3.adapters
    assert tuple(row) == (value, "null" if value is None else "blob")


def test_a_reading_connection_can_only_read_and_never_checkpoints(path: Path) -> None:
    database = an_idle_database(path)
    connection = open_reader(str(path))

    found = {
        name: pragma(connection, name)
        for name in ("query_only", "wal_autocheckpoint", "cache_size", "mmap_size")
    }

    connection.close()
    database.close()
    assert found == {
        "query_only": 1,
        "wal_autocheckpoint": 0,
        "cache_size": -4 * 1024,
        "mmap_size": 0,
    }


def test_normal_durability_is_passed_on(path: Path) -> None:
    database = an_idle_database(path, durability="normal")

    found = pragma(database.writer._connection, "synchronous")

    database.close()
    assert found == 1


def test_a_file_that_does_not_take_a_pragma_is_refused_at_start(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute("CREATE TABLE made_elsewhere (x)")  # without auto_vacuum
    connection.close()

    with pytest.raises(WrongPragma, match="auto_vacuum is 0"):
        an_idle_database(path)
    with pytest.raises(WrongPragma, match="auto_vacuum is 0"):  # and the lock was let go
        an_idle_database(path)


# -- the lock ---------------------------------------------------------------------------------


def test_a_second_server_on_the_same_file_is_refused_and_told_who_holds_it(path: Path) -> None:
    database = an_idle_database(path)
    database.lock.describe(url="http://127.0.0.1:1234")

    with pytest.raises(FileInUse) as refused:
        an_idle_database(path)

    database.close()
    assert f"pid {os.getpid()}" in str(refused.value)
    assert "http://127.0.0.1:1234" in str(refused.value)


def test_another_name_of_the_same_file_is_no_way_around_the_lock(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    database = an_idle_database(path)

    with pytest.raises(FileInUse):
        an_idle_database(link)

    database.close()


def test_the_lock_is_free_after_closing_and_its_file_stays(path: Path) -> None:
    an_idle_database(path).close()
    an_idle_database(path).close()

    assert json.loads(path.with_name("spooled.db.lock").read_text())["pid"] == os.getpid()


def test_the_lock_is_free_after_its_holder_was_killed(path: Path) -> None:
    program = (
        "import sys, time; from spooled_lite.storage.file_guard import FileLock;"
        "lock = FileLock(sys.argv[1]).acquire(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FileInUse, match=str(holder.pid)):
            an_idle_database(path)
        holder.send_signal(signal.SIGKILL)

    an_idle_database(path).close()


# -- the file itself --------------------------------------------------------------------------


def test_the_file_and_its_log_are_readable_by_their_owner_only(path: Path) -> None:
    async def main() -> set[int]:
        async with a_database(path) as db:
            await db.write(add, "secret")
            names = ("spooled.db", "spooled.db-wal", "spooled.db-shm", "spooled.db.lock")
            return {path.with_name(name).stat().st_mode & 0o777 for name in names}

    assert run(main()) == {0o600}


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database " * 1_000)

    with pytest.raises(CannotUseFile, match="no SQLite file"):
        an_idle_database(path)

    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("name", ["with space.db", "100%.db", "a?b#c.db", "ünï.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    async def main() -> list[str]:
        async with a_database(path) as db:
            await db.write(add, "one")
            return await db.readers.read(notes)

    assert run(main()) == ["one"]
    assert in_file(path) == ["one"]


def test_in_memory_is_a_throw_away_file_that_is_removed_at_closing() -> None:
    async def main() -> Path:
        async with a_database(":memory:") as db:
            await db.write(add, "one")
            assert await db.readers.read(notes) == ["one"]
            assert pragma(db.writer._connection, "synchronous") == 0
            folder = Path(db.path).parent
            assert folder.is_dir()
            return folder

    assert not run(main()).exists()


def test_two_databases_in_memory_are_strangers() -> None:
    one: Database = an_idle_database(":memory:")
    two: Database = an_idle_database(":memory:")

    assert one.path != two.path

    one.close()
    two.close()


def test_a_quiet_folder_is_looked_at_instead_of_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_guard, "SETTLED_SECONDS", 0.0)
    path = tmp_path / "it.db"
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"it.db{suffix}").touch()
    os.utime(tmp_path, (1, 1))  # long ago
    watch = file_guard.FileWatch(str(path))
    assert watch.missing() is None
    looks: list[str] = []
    stat = os.stat

    def looking(at: str) -> os.stat_result:
        looks.append(str(at))
        return stat(at)

    monkeypatch.setattr(os, "stat", looking)

    assert watch.missing() is None
    monkeypatch.setattr(os, "stat", stat)
    assert looks == [str(tmp_path)]

    os.rename(tmp_path / "it.db-wal", tmp_path / "elsewhere")
    assert watch.missing() == f"{path}-wal"
    assert watch.missing() == f"{path}-wal"


def test_a_folder_that_is_moved_just_after_a_change_in_it_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for suffix in ("", "-wal", "-shm"):
        (folder / f"it.db{suffix}").touch()
    watch = file_guard.FileWatch(str(folder / "it.db"))
    assert watch.missing() is None

    folder.rename(tmp_path / "elsewhere")

    assert watch.missing() == str(folder / "it.db")
