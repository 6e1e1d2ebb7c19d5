"""The power fails while a file takes the place of another: one of them is there, and is whole."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.backups.restore import restore
from spooled_lite.backups.shelf import find
from spooled_lite.cli.check import problems_of
from spooled_lite.outbound.stores import Folder
from spooled_lite.storage.file_place import BESIDE, MARK_SUFFIX
from spooled_lite.storage.migrate import newest_version
from tests.backups.stage import a_file, backed_up, work_in
from tests.power.disk import Disk
from tests.power.images import look_at_images
from tests.power.recording import BACKUPS, Recording
from tests.storage.stage import NOON_MS, an_idle_database
from tests.storage.upgrades import release, version_of

IMAGE_COUNT: Final = 60
UPGRADED_COUNT: Final = 30  # each is upgraded once more
NAME: Final = "spooled.db"
THEN: Final = ["then"]  # in the backup
NOW: Final = ["then", "now", "only in the log"]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder with a backup, and a newer file with a log beside it, as a kill leaves them."""
    elsewhere, disk = tmp_path / "elsewhere", tmp_path / "disk"
    for each in (elsewhere, disk):
        each.mkdir()
    path = a_file(elsewhere / NAME, "then")
    backed_up(path, work_in(disk / BACKUPS))
    a_file(path, "now")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("INSERT INTO notes (text) VALUES ('only in the log')")
        for each in (path, path.with_name(f"{NAME}-wal")):
            shutil.copy(each, disk)
    return disk


@pytest.fixture
def recording(disk: Path, compiled: Path) -> Iterable[Recording]:
    with Recording(disk, disk.with_name("record"), compiled) as begun:
        yield begun


def run(recording: Recording, *arguments: str) -> None:
    """A command, and a note when it has said that all is done."""
    with recording.of_children():
        subprocess.run(
            [sys.executable, "-m", "spooled_lite", *arguments],
            check=True,
            capture_output=True,
            timeout=60,
        )
    recording.note(b"done")


def notes_in(path: Path) -> list[str]:
    """As a server reads them that starts on the file."""
    an_idle_database(path).close()
    Path(f"{path}.lock").unlink()
    assert problems_of(str(path)) == []
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY seq")]


def prepare(path: str) -> None:
    """Of a restored file: nothing."""


def kept_in(folder: Path) -> list[list[str]]:
    """What is in the files that were kept when another took their place."""
    kept = [each for each in folder.glob(f"{NAME}.before-*") if not each.name.endswith(BESIDE)]
    return [notes_in(each) for each in kept]


def looked_at(
    recording: Recording,
    look: Callable[[Path, bool], Iterable[str]],
    *,
    count: int = IMAGE_COUNT,
) -> None:
    """Look at images, each with whether the command had said that all is done."""
    records = recording.records()
    done_at = next(number for number, each in enumerate(records) if each.kind == "n")

    def look_at(folder: Path, disk: Disk) -> Iterable[str]:
        return look(folder, disk.records > done_at)

    complaints = look_at_images(recording, count, "swaps", look_at)

    assert not complaints, "\n".join(complaints)


@pytest.mark.slow
def test_a_replaced_file_is_whole_and_the_one_before_is_kept(recording: Recording) -> None:
    place = ("--from", str(recording.folder / BACKUPS), "--database", str(recording.folder / NAME))
    run(recording, "restore", *place, "--replace")

    def look(folder: Path, is_done: bool) -> Iterable[str]:
        path = folder / NAME
        if Path(f"{path}{MARK_SUFFIX}").exists():  # no server starts: the command is run again
            store = Folder(str(folder / BACKUPS))
            manifest = find(store, None)
            restore(store, manifest, str(path), prepare=prepare, replaces=True, now_ms=NOON_MS)
            is_done = True
        kept, found = kept_in(folder), notes_in(path)
        if (found, NOW in kept) != (THEN, True) and (is_done or found != NOW):
            yield f"{found}, kept {kept}: {sorted(each.name for each in folder.iterdir())}"

    looked_at(recording, look)


@pytest.mark.slow
def test_a_restored_file_has_its_name_only_when_it_is_whole(recording: Recording) -> None:
    place = ("--from", str(recording.folder / BACKUPS), "--database", f"{recording.folder}/new.db")
    run(recording, "restore", *place)

    def look(folder: Path, is_done: bool) -> Iterable[str]:
        path = folder / "new.db"
        if path.exists():
            found = notes_in(path)
            if found != THEN:
                yield f"restored: {found}"
        elif is_done:
            yield "it is gone"
        if (old := notes_in(folder / NAME)) != NOW:
            yield f"the other file: {old}"

    looked_at(recording, look)


@pytest.mark.slow
def test_a_compacted_file_is_whole_under_its_name(recording: Recording) -> None:
    run(recording, "compact", "--database", str(recording.folder / NAME))

    def look(folder: Path, is_done: bool) -> Iterable[str]:
        if (found := notes_in(folder / NAME)) != NOW:
            yield f"{found}: {sorted(each.name for each in folder.iterdir())}"

    looked_at(recording, look)


UPGRADE: Final = """
import sys, pytest
from tests.storage import stage, upgrades
upgrades.release(pytest.MonkeyPatch(), sys.argv[2])
stage.an_idle_database(sys.argv[1]).close()
print("done", flush=True)
sys.stdin.readline()
"""
STEPS: Final = """\
ALTER TABLE notes ADD COLUMN length INTEGER NOT NULL DEFAULT 0;
UPDATE notes SET length = length(text);
CREATE TABLE notes_by_length AS SELECT length, count(*) AS count FROM notes GROUP BY length;
"""


@pytest.mark.slow
def test_an_upgraded_file_is_the_old_or_the_new_one_and_its_copy_is_whole(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.run(UPGRADE, str(recording.folder / NAME), STEPS)
    version = newest_version() + 1
    release(monkeypatch, STEPS)

    def look(folder: Path, is_done: bool) -> Iterable[str]:
        path, copy = folder / NAME, folder / f"{NAME}.before-{version}"
        if copy.exists() and (found := notes_in_copy(copy)) != NOW:
            yield f"the copy: {found}"
        if is_done and not copy.exists():
            yield "the copy is gone"
        if is_done and version_of(path) != version:
            yield f"it has schema version {version_of(path)} again"
        if (found := notes_in(path)) != NOW:
            yield f"{found}: {sorted(each.name for each in folder.iterdir())}"

    looked_at(recording, look, count=UPGRADED_COUNT)


def notes_in_copy(path: Path) -> list[str]:
    """Of a whole file that stands alone, which is left as it is."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY seq")]
