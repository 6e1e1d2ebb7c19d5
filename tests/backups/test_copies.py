"""Backups: whole copies of one moment, and nothing at all when one cannot be made."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from spooled_lite.backups import copies
from spooled_lite.backups.copies import BackupFailed, CopyProgress
from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.shelf import fetch, find, on_shelf, verify
from spooled_lite.outbound.stores import Folder
from spooled_lite.storage import migrate
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.pin import PinLimits
from tests.backups.stage import (
    a_file,
    a_store,
    backed_up,
    backed_up_beside,
    notes_of,
    work_in,
)
from tests.storage.stage import NOON_MS, a_database, add, run

DAY_MS = 86_400_000


def unpacked(folder: Path, manifest: Manifest) -> Path:
    path = folder / f"{manifest.name}.unpacked"
    assert fetch(a_store(folder), manifest, path, NOON_MS) == []
    return path


def left_in(folder: Path) -> set[str]:
    """What is in a folder for backups; without the lock, which stays."""
    return {each for each in os.listdir(folder) if not each.endswith(".lock")}


def test_a_backup_beside_its_server_is_one_moment_of_it(tmp_path: Path) -> None:
    """Each holds the first notes without a gap, and every note that was acknowledged before."""
    folder = tmp_path / "to"

    async def main() -> None:
        async with a_database(tmp_path / "spooled.db") as db:
            count, ends = 0, False

            async def write() -> None:
                nonlocal count
                while not ends:
                    await db.write(add, f"{count} {'x' * 3000}")
                    count += 1

            writing = asyncio.create_task(write())
            for number in range(5):
                before = count
                work = work_in(folder, now_ms=NOON_MS + number * 1000)
                manifest = await backed_up_beside(db, work)
                after = count
                path = await asyncio.to_thread(unpacked, folder, manifest)
                found = [int(text.partition(" ")[0]) for text in notes_of(path)]
                assert found == list(range(len(found)))
                assert before <= len(found) <= after + 1
                assert manifest.rows["notes"] == len(found)
            ends = True
            await writing

    run(main())


def test_a_backup_from_outside_has_what_is_only_in_the_log(tmp_path: Path) -> None:
    folder = tmp_path / "to"

    async def main() -> None:
        async with a_database(tmp_path / "spooled.db") as db:
            await db.write(add, "in the log")
            manifest = await asyncio.to_thread(backed_up, tmp_path / "spooled.db", work_in(folder))
            path = await asyncio.to_thread(unpacked, folder, manifest)
            assert notes_of(path) == ["in the log"]

    run(main())


def test_a_backup_from_outside_is_one_moment_though_the_server_writes_between_its_steps(
    tmp_path: Path,
) -> None:
    """It lets the server have its turn at each step, and begins the copy once."""
    folder, path = tmp_path / "to", a_file(tmp_path / "spooled.db")
    server = sqlite3.connect(path, isolation_level=None)
    for number in range(4):
        server.execute("INSERT INTO notes (text) VALUES (?)", (f"{number} {'x' * 1_000_000}",))
    steps: list[int] = []

    def write_beside(progress: CopyProgress) -> None:
        if progress.stage == "copying":
            steps.append(progress.done_bytes)
            server.execute("UPDATE notes SET text = 'changed ' || rowid || text")
            server.execute("INSERT INTO notes (text) VALUES (?)", (f"beside {len(steps)}",))

    manifest = backed_up(path, work_in(folder, on_progress=write_beside))
    server.close()

    found = notes_of(unpacked(folder, manifest))
    assert [text.partition(" ")[0] for text in found] == ["0", "1", "2", "3"]
    assert len(steps) >= 4
    assert steps == sorted(steps)


def test_a_backup_from_outside_is_given_up_when_it_is_told_why(tmp_path: Path) -> None:
    folder, path = tmp_path / "to", a_file(tmp_path / "spooled.db", "one")
    connection = open_reader(str(path))

    with pytest.raises(BackupFailed, match="the log has grown beyond 2048 MiB"):
        copies.back_up_file(
            connection, work_in(folder), lambda: "the log has grown beyond 2048 MiB"
        )
    connection.close()

    assert left_in(folder) == set()


def test_it_is_one_private_file_and_its_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    manifest = backed_up(a_file(tmp_path / "spooled.db", "one"), work_in(folder))

    assert left_in(folder) == {manifest.name, manifest.name.replace(".db.gz", ".json")}
    assert all(each.stat().st_mode & 0o077 == 0 for each in folder.iterdir())
    assert find(a_store(folder), None) == manifest
    assert manifest.made_at == "2026-09-21T14:13:20.000Z"
    assert manifest.pages * 4096 == manifest.bytes
    assert verify(a_store(folder), manifest, NOON_MS) == []


def test_the_same_file_has_the_same_identity_in_each(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one")
    first = backed_up(path, work_in(folder))
    a_file(path, "two")  # opened once more
    second = backed_up(path, work_in(folder, now_ms=NOON_MS + DAY_MS))

    assert first.file_id == second.file_id != ""


def test_a_second_backup_of_the_same_moment_is_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one")

    assert backed_up(path, work_in(folder)).sha256 == backed_up(path, work_in(folder)).sha256
    assert len(on_shelf(a_store(folder)).manifests) == 1


def test_progress_is_told_in_stages(tmp_path: Path) -> None:
    told: list[CopyProgress] = []
    path = a_file(tmp_path / "spooled.db", "x" * 3_000_000)
    backed_up(path, work_in(tmp_path / "to", on_progress=told.append))

    stages = [each.stage for each in told]
    assert list(dict.fromkeys(stages)) == ["copying", "checking", "packing", "storing"]
    last = [each for each in told if each.stage == "copying"][-1]
    assert last.done_bytes == last.all_bytes > 3_000_000


def test_a_paced_copy_stops_at_the_next_step_when_the_server_stops(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    steps: list[CopyProgress] = []

    async def main() -> None:
        async with a_database(tmp_path / "spooled.db") as db:
            for number in range(4):
                await db.write(add, str(number) * 1024 * 1024)
            pin = db.pin(PinLimits(), is_stopping=lambda: len(steps) > 1)
            work = work_in(folder, on_progress=steps.append)
            with pytest.raises(BackupFailed, match="the server is stopping"):
                await asyncio.to_thread(copies.back_up_running, pin, work)

    run(main())

    assert left_in(folder) == set()
    assert len(steps) == 2


def test_packing_leaves_the_reserve_of_the_disk_to_the_server(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    told: list[CopyProgress] = []
    path = a_file(tmp_path / "spooled.db", "one")
    work = msgspec.structs.replace(
        work_in(folder, on_progress=told.append),
        is_disk_low=lambda: told[-1].stage == "packing",
    )
    with pytest.raises(BackupFailed, match="the disk is nearly full"):
        backed_up(path, work)

    assert left_in(folder) == set()


@pytest.mark.parametrize("stage", ["copying", "checking", "packing", "storing"])
def test_a_backup_that_is_ended_leaves_nothing(tmp_path: Path, stage: str) -> None:
    def end(progress: CopyProgress) -> None:
        if progress.stage == stage:
            raise OSError(28, "No space left on device")

    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one")
    with pytest.raises(BackupFailed, match="No space left"):
        backed_up(path, work_in(folder, on_progress=end))

    assert left_in(folder) == set()
    assert backed_up(path, work_in(folder)).rows["notes"] == 1


def test_what_a_crash_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one")
    manifest = backed_up(path, work_in(folder))
    for suffix in ("", "-journal", ".gz", ".note"):
        (folder / f".partial-{manifest.file_id}{suffix}").write_bytes(b"half")

    backed_up(path, work_in(folder, now_ms=NOON_MS + DAY_MS))

    assert not [each for each in left_in(folder) if each.startswith(".partial")]


@pytest.mark.parametrize("dies_at", ["the packed copy", "its name", "the manifest", "the note"])
def test_a_crash_while_storing_leaves_nothing_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """A backup counts with its manifest; what has none is removed by the next one."""
    folder, dead = tmp_path / "to", tmp_path / "dead"
    path = a_file(tmp_path / "spooled.db", "one")

    class Dies(Folder):
        def put(self, name: str, source: Path) -> None:
            if dies_at == "the packed copy":
                shutil.copyfile(source, folder / f".partial-{name}")
            else:
                super().put(name, source)
            if dies_at in {"the packed copy", "its name"}:
                shutil.copytree(folder, dead)

        def create(self, name: str, text: bytes) -> None:
            if dies_at == "the manifest":
                (folder / f".partial-{name}").write_bytes(text[:9])
                shutil.copytree(folder, dead)
            super().create(name, text)
            if dies_at == "the note":
                shutil.copytree(folder, dead)

    work = msgspec.structs.replace(work_in(folder), store=Dies(str(folder)))
    first = backed_up(path, work)
    is_whole = dies_at == "the note"
    assert on_shelf(a_store(dead)).manifests == ([first] if is_whole else [])

    second = backed_up(path, work_in(dead, now_ms=NOON_MS + DAY_MS))

    kept = [first, second] if is_whole else [second]
    names = {each.name for each in kept}
    assert left_in(dead) == names | {name.replace(".db.gz", ".json") for name in names}


def test_two_at_once_are_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one")

    def again(progress: CopyProgress) -> None:
        if progress.stage == "checking":
            backed_up(path, work_in(folder))

    with pytest.raises(BackupFailed, match="a backup has been under way since 20"):
        backed_up(path, work_in(folder, on_progress=again))


def test_a_copy_that_differs_is_kept_aside_and_is_no_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one", "two")

    def lose_a_row(progress: CopyProgress) -> None:
        if progress.stage == "checking":
            [copy] = folder.glob(".partial-*[!k]")
            with sqlite3.connect(copy) as connection:
                connection.execute("DELETE FROM notes WHERE text = 'two'")
            connection.close()

    for day in range(2):
        work = work_in(folder, now_ms=NOON_MS + day * DAY_MS, on_progress=lose_a_row)
        with pytest.raises(BackupFailed, match="table notes: 1 rows, 2 were pinned"):
            backed_up(path, work)

    # The second try has taken the place of the first.
    assert [each.rpartition(".")[2] for each in left_in(folder)] == ["bad"]
    assert on_shelf(a_store(folder)).manifests == []


def test_a_damaged_file_is_named_and_not_kept(tmp_path: Path) -> None:
    path = a_file(tmp_path / "spooled.db", *(f"{number} {'x' * 2000}" for number in range(50)))
    with open(path, "r+b") as file:
        file.seek(-4096 * 10, os.SEEK_END)
        file.write(os.urandom(4096))

    with pytest.raises(BackupFailed):
        backed_up(path, work_in(tmp_path / "to"))


def test_room_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "to"
    path = a_file(tmp_path / "spooled.db", "one")
    work = work_in(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(BackupFailed, match=r"needs 1 MiB in .*, 0 MiB are free"):
        backed_up(path, work)


def test_a_file_of_another_schema_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_file(tmp_path / "spooled.db", "one")
    monkeypatch.setattr(migrate, "newest_version", lambda: 7)

    with pytest.raises(BackupFailed, match="has schema version 1, this program needs 7"):
        backed_up(path, work_in(tmp_path / "to"))
