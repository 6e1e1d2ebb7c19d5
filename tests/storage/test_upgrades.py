"""Upgrades and ways back: who can open a file afterwards, and what is kept of it before."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from spooled_lite.storage import migrate
from spooled_lite.storage.before_upgrade import OLD_DAYS, old_copies
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.migrate import NewerSchema
from tests.storage.stage import NOON_MS, a_database, add, an_idle_database, in_file, notes, run
from tests.storage.upgrades import fill, release, tables_of, version_of

KNOWN: Final = migrate.newest_version()
ADDS: Final = "CREATE TABLE added (x);"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def upgraded(path: Path, *texts: str, readable_by: int | None = None) -> None:
    """Fill a file and open it once with a program that knows these migrations, too."""
    fill(path)
    with pytest.MonkeyPatch.context() as patch:
        release(patch, *texts, readable_by=readable_by)
        an_idle_database(path).close()


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.suffix != ".lock"}


def test_a_file_of_a_newer_version_is_refused_with_advice(path: Path) -> None:
    upgraded(path, ADDS)
    # As a backup of it is: opening this one to be written would change it.
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = delete")
    connection.close()
    before = contents(path.parent)

    with pytest.raises(NewerSchema, match="install the newer version") as refused:
        an_idle_database(path)

    copy = f"{path}.before-{KNOWN + 1}"
    way_back = f"spooled-lite restore --from {copy} --database {path} --replace"
    assert way_back in str(refused.value)
    assert contents(path.parent) == before


def test_without_a_copy_the_way_back_is_a_backup(path: Path) -> None:
    upgraded(path, ADDS)
    Path(f"{path}.before-{KNOWN + 1}").unlink()

    with pytest.raises(NewerSchema, match="restore a backup that was made before the upgrade"):
        an_idle_database(path)


def test_the_copy_to_go_back_to_is_the_newest_that_this_program_can_open(path: Path) -> None:
    upgraded(path, ADDS, "CREATE TABLE more (x);")
    for version in (KNOWN, KNOWN + 2):  # an older one, and one that it cannot open either
        shutil.copy(path, f"{path}.before-{version}")

    with pytest.raises(NewerSchema, match=rf"--from {path}.before-{KNOWN + 1} "):
        an_idle_database(path)


def test_a_program_opens_a_newer_file_that_is_still_readable_by_it(path: Path) -> None:
    upgraded(path, ADDS, readable_by=KNOWN)

    async def go_on() -> list[str]:
        async with a_database(path) as db:
            await db.write(add, "written by the older one")
            return await db.readers.read(notes)

    assert run(go_on()) == ["kept", "written by the older one"]
    assert version_of(path) == KNOWN + 1
    with pytest.MonkeyPatch.context() as patch:
        release(patch, ADDS, readable_by=KNOWN)
        an_idle_database(path).close()
    assert in_file(path) == ["kept", "written by the older one"]


def test_one_step_that_older_programs_do_not_stand_is_enough_to_refuse(path: Path) -> None:
    fill(path)
    with pytest.MonkeyPatch.context() as patch:
        release(patch, ADDS)
        release(patch, "CREATE TABLE more (x);", readable_by=KNOWN)
        an_idle_database(path).close()

    with pytest.raises(NewerSchema, match=rf"needs a program that knows version {KNOWN + 1}"):
        an_idle_database(path)


def test_an_upgrade_without_room_for_the_copy_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    before = contents(path.parent)
    release(monkeypatch, ADDS)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))

    with pytest.raises(CannotUseFile, match=r"copies the file first, which needs \d+ MiB in"):
        an_idle_database(path)

    assert contents(path.parent) == before


def test_the_copy_is_one_file_and_has_its_name_only_when_it_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    copy = Path(f"{path}.before-{KNOWN + 1}")
    Path(f"{copy}.partial").write_bytes(b"left by a crash")
    release(monkeypatch, ADDS)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda one, other: pytest.fail("the disk is full"))
        with pytest.raises(pytest.fail.Exception):
            an_idle_database(path)
        assert not copy.exists()
        assert version_of(path) == KNOWN
    an_idle_database(path).close()

    assert in_file(copy) == ["kept"]
    assert sorted(contents(path.parent)) == ["spooled.db", copy.name]


def test_the_copy_has_what_stands_in_the_log_alone(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "killed" / "spooled.db"
    killed.parent.mkdir()

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "only in the log")
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")

    run(main())
    release(monkeypatch, ADDS)
    an_idle_database(killed).close()

    assert in_file(Path(f"{killed}.before-{KNOWN + 1}")) == ["only in the log"]


def test_copies_that_nobody_went_back_to_are_named_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "spooled.db"
    day_seconds = 86_400
    for suffix, days in ((".before-2", OLD_DAYS + 2), (".before-3", OLD_DAYS - 2)):
        copy = Path(f"{path}{suffix}")
        copy.write_bytes(b"x" * 10)
        at = NOON_MS / 1000 - days * day_seconds
        os.utime(copy, (at, at))
    log = Path(f"{path}.before-2-wal")
    log.touch()
    os.utime(log, (0, 0))

    [old] = old_copies(str(path), now_ms=NOON_MS)

    assert (old.path, old.days, old.bytes) == (f"{path}.before-2", OLD_DAYS + 2, 10)


# -- killed in the middle -------------------------------------------------------------------------

STEPS: Final = """\
ALTER TABLE notes ADD COLUMN length INTEGER NOT NULL DEFAULT 0;
UPDATE notes SET length = length(text);
CREATE TABLE notes_by_length (length INTEGER PRIMARY KEY, count INTEGER NOT NULL);
INSERT INTO notes_by_length SELECT length, count(*) FROM notes GROUP BY length;
DROP INDEX jobs_newest;
CREATE INDEX jobs_newest ON jobs (org, created_at_ms, seq);
"""
KILLED_AT_MAX: Final = 50  # statements of an upgrade: far more than there are
# Opens a copy of the file in a process of its own that kills itself at the n-th statement of the
# writing connection, and again for each n until one comes to the end.
KILLS: Final = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
import pytest
from tests.storage import stage, upgrades
from spooled_lite.storage import connection, database

source, folder, text = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def killed_at(path, wanted):
    seen = 0
    def traced(statement):
        nonlocal seen
        seen += seen > 0 or statement == "BEGIN IMMEDIATE"  # with which the migration begins
        if seen == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
    def opened(*args):
        writer = connection.open_writer(*args)
        writer.set_trace_callback(traced)
        return writer
    database.open_writer = opened
    upgrades.release(pytest.MonkeyPatch(), text)
    stage.an_idle_database(path)
    os._exit(0)

for wanted in range(1, int(sys.argv[4])):
    path = folder / str(wanted) / "spooled.db"
    path.parent.mkdir()
    shutil.copy(source, path)
    child = os.fork()
    if not child:
        killed_at(path, wanted)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 0:
        break
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status
print(wanted - 1)
"""


@pytest.mark.slow  # starts processes and kills them
def test_a_kill_at_any_statement_of_an_upgrade_leaves_the_old_file_or_the_new_one(
    path: Path, tmp_path: Path
) -> None:
    fill(path)
    folder = tmp_path / "killed"
    folder.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(path), str(folder), STEPS, str(KILLED_AT_MAX)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert STEPS.count(";") + 2 < count < KILLED_AT_MAX - 1

    versions = set()
    with pytest.MonkeyPatch.context() as patch:
        release(patch, STEPS)
        for number in range(1, count + 1):
            killed = folder / str(number) / "spooled.db"
            versions.add((version_of(killed), "notes_by_length" in tables_of(killed)))
            an_idle_database(killed).close()
            assert version_of(killed) == KNOWN + 1
            assert in_file(killed) == ["kept"]
            assert in_file(Path(f"{killed}.before-{KNOWN + 1}")) == ["kept"]
    assert versions == {(KNOWN, False), (KNOWN + 1, True)}
