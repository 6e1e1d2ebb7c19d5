"""Restored files: whole, ready to be served, never in the place of something else by accident."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.restore import Restored, RestoreFailed, restore
from spooled_lite.backups.shelf import find
from spooled_lite.storage import copy, file_place
from spooled_lite.storage.file_guard import CannotUseFile, FileLock
from tests.backups.stage import a_file, a_store, backed_up, notes_of, work_in
from tests.storage.stage import NOON_MS, an_idle_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "to"


@pytest.fixture
def manifest(tmp_path: Path, folder: Path) -> Manifest:
    """A backup of a file with the note `then`; the file has `now` besides."""
    path = a_file(tmp_path / "spooled.db", "then")
    made = backed_up(path, work_in(folder))
    a_file(path, "now")
    return made


def restored(
    folder: Path,
    path: Path,
    *,
    replaces: bool = False,
    prepare: Callable[[str], None] = lambda path: None,
) -> Restored:
    store = a_store(folder)
    return restore(
        store, find(store, None), str(path), prepare=prepare, replaces=replaces, now_ms=NOON_MS
    )


def test_it_is_the_moment_of_the_backup(tmp_path: Path, folder: Path, manifest: Manifest) -> None:
    new = tmp_path / "new.db"

    assert restored(folder, new) == Restored(str(new), None)
    assert notes_of(new) == ["then"]
    assert new.stat().st_mode & 0o077 == 0
    assert {each.name for each in tmp_path.glob("new*")} == {"new.db"}


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".restoring"])
def test_it_is_never_written_over_what_is_there(
    tmp_path: Path, folder: Path, manifest: Manifest, suffix: str
) -> None:
    there = tmp_path / f"new.db{suffix}"
    there.write_bytes(b"kept")

    with pytest.raises(RestoreFailed, match=f"new.db{suffix}"):
        restored(folder, tmp_path / "new.db")

    assert there.read_bytes() == b"kept"
    assert {each.name for each in tmp_path.glob("new*")} == {there.name}


def test_the_file_that_was_there_is_kept_with_its_log(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    path = tmp_path / "spooled.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("INSERT INTO notes (text) VALUES ('only in the log')")
    log = (tmp_path / "spooled.db-wal").read_bytes()

    done = restored(folder, path, replaces=True)

    assert done.old == f"{path}.before-restore-2026-09-21T14-13-20"
    assert notes_of(path) == ["then"]
    assert Path(f"{done.old}-wal").read_bytes() == log
    writer.close()
    assert notes_of(Path(done.old)) == ["then", "now", "only in the log"]


def test_a_file_that_a_server_uses_is_left_alone(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    path = tmp_path / "spooled.db"
    lock = FileLock(str(path)).acquire()
    try:
        with pytest.raises(RestoreFailed, match="in use by another server"):
            restored(folder, path, replaces=True)
    finally:
        lock.release()

    assert notes_of(path) == ["then", "now"]


def test_two_at_once_into_one_file_are_not_made(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    new = tmp_path / "new.db"

    def again(partial: str) -> None:
        restored(folder, new)

    with pytest.raises(RestoreFailed, match="in use by another server"):
        restored(folder, new, prepare=again)
    assert list(tmp_path.glob("new*")) == []
    assert restored(folder, new) == Restored(str(new), None)


def test_what_cannot_be_placed_is_not_unpacked_first(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    prepared: list[str] = []
    (tmp_path / "new.db").write_bytes(b"kept")

    with pytest.raises(RestoreFailed, match="exists"):
        restored(folder, tmp_path / "new.db", prepare=prepared.append)
    assert prepared == []


def test_a_replacement_without_a_file_there_is_just_written(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    new = tmp_path / "new.db"

    assert restored(folder, new, replaces=True) == Restored(str(new), None)
    assert notes_of(new) == ["then"]


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(20))
def test_a_crash_at_any_step_of_a_replacement_loses_nothing(
    tmp_path: Path,
    folder: Path,
    manifest: Manifest,
    step: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then either file is in its place, or no server starts until it was said what to do."""
    path = tmp_path / "spooled.db"
    (tmp_path / "spooled.db-wal").write_bytes(b"a log that belongs to the old file")
    calls = 0

    def crashing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise Crash
            return function(*args, **kwargs)

        return call

    def replaced(new: Path, path: str, *, old_suffix: str) -> str | None:
        with monkeypatch.context() as patch:
            for name in ("rename", "link", "unlink"):
                patch.setattr(os, name, crashing(getattr(os, name)))
            patch.setattr(file_place, "sync", crashing(copy.sync))
            return file_place.replace(new, path, old_suffix=old_suffix)

    monkeypatch.setattr("spooled_lite.backups.restore.replace", replaced)
    try:
        restored(folder, path, replaces=True)
        has_crashed = False
    except Crash:
        has_crashed = True
    monkeypatch.undo()

    old = Path(f"{path}.before-restore-2026-09-21T14-13-20")
    olds = [each for each in (path, old) if each.exists() and "now" in notes_as_they_are(each)]
    assert olds, "the old file is there under one of its names"
    log = [each for each in tmp_path.glob("*-wal") if each.read_bytes().startswith(b"a log")]
    assert log, "and so is its log"
    if not has_crashed:
        assert notes_of(path) == ["then"]
        assert calls < 20
        return
    is_first = path in olds and log == [tmp_path / "spooled.db-wal"]
    is_last = path.exists() and "now" not in notes_as_they_are(path)
    if not (tmp_path / "spooled.db.restoring").exists():
        assert is_first or is_last
        return
    with pytest.raises(CannotUseFile, match="a restore of this file was interrupted"):
        an_idle_database(path)
    restored(folder, path, replaces=True)
    assert notes_of(path) == ["then"]
    [kept] = [
        each
        for each in tmp_path.glob("spooled.db.before-*")
        if not each.name.endswith("-wal") and "now" in notes_as_they_are(each)
    ]
    assert Path(f"{kept}-wal").read_bytes().startswith(b"a log")  # both under one name


def notes_as_they_are(path: Path) -> list[str]:
    """In the file, whatever stands beside it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY seq")]
    finally:
        connection.close()


@pytest.mark.parametrize("where", ["prepare", "unpack"])
def test_a_restore_that_breaks_off_leaves_nothing(
    tmp_path: Path, folder: Path, manifest: Manifest, where: str
) -> None:
    def full(path: str) -> None:
        raise OSError(28, "No space left on device")

    if where == "unpack":
        packed = folder / manifest.name
        packed.write_bytes(packed.read_bytes()[:-9] + b"x" * 9)
    with pytest.raises(RestoreFailed):
        restored(folder, tmp_path / "new.db", prepare=full)

    assert list(tmp_path.glob("new*")) == []


def test_what_is_damaged_while_it_is_prepared_is_not_put_in_place(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    def damage(path: str) -> None:
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)

    with pytest.raises(RestoreFailed, match="is not whole"):
        restored(folder, tmp_path / "new.db", prepare=damage)
    assert list(tmp_path.glob("new*")) == []


def test_a_backup_of_a_newer_program_is_refused_by_its_version(
    tmp_path: Path, folder: Path, manifest: Manifest
) -> None:
    about = folder / manifest.name.replace(".db.gz", ".json")
    text = about.read_text().replace('"schema": 1', '"schema": 9')
    about.write_text(text.replace('"readable_by": 1', '"readable_by": 9'))

    with pytest.raises(RestoreFailed, match=r"made by version .* has schema version 9"):
        restored(folder, tmp_path / "new.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for other users")
def test_what_root_makes_belongs_to_whom_the_server_runs_as(tmp_path: Path, folder: Path) -> None:
    server_user = 12_345
    path = a_file(tmp_path / "spooled.db", "then")
    folder.mkdir(exist_ok=True)
    for each in (path, folder):
        os.chown(each, server_user, server_user)
    backed_up(path, work_in(folder))
    restored(folder, path, replaces=True)
    restored(folder, folder / "new.db")

    made = [path, *folder.iterdir()]
    assert len(made) == 5  # the file, the lock, both parts of the backup, and the new one
    assert {each.stat().st_uid for each in made} == {server_user}
