"""The power fails under a server with an archive: it can be restored, and follows what is left."""

import asyncio
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest

from spooled_lite.archive.reach import reaches, way_to, windows_after
from spooled_lite.archive.restore import Way, restore_moment
from spooled_lite.outbound.stores import Folder
from tests.power.disk import Disk
from tests.power.images import look_at_images
from tests.power.load import at_work, clients_of
from tests.power.promises import complaints_of, promises_in
from tests.power.recording import BACKUPS, Record, Recording
from tests.power.test_server import SECONDS_MAX, notes_of, until
from tests.server_process import ServerProcess
from tests.storage.stage import NOON_MS

NAME: Final = "spooled.db"
RESTORED: Final = "restored.db"
ARCHIVE: Final = BACKUPS  # the folder of it
WINDOW: Final = re.compile(r"window-.*\.pages")
ARCHIVE_SECONDS: Final = "1"  # the shortest there is


@pytest.mark.slow
def test_what_a_power_cut_leaves_of_an_archive_can_be_restored(recording: Recording) -> None:
    a_life(recording, acts=8, durability="full")

    complaints = looked_at(recording, 16, goes_on_each=8, durability="full")
    assert not complaints, "\n".join(complaints)


@pytest.mark.long
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_what_100_power_cuts_leave_of_an_archive_can_be_restored(
    recording: Recording, durability: str
) -> None:
    a_life(recording, acts=60, durability=durability)

    complaints = looked_at(recording, 100, goes_on_each=3, durability=durability)
    assert not complaints, "\n".join(complaints)


def a_life(recording: Recording, *, acts: int, durability: str) -> None:
    clients = clients_of(recording)
    with a_server(recording.folder, durability) as server, recording.of_children():
        server.start()
        until(lambda: has_base(recording.folder))
        for number in range(3):
            asyncio.run(at_work(clients, server.url, acts))
            until_one_more_window(recording.folder)
            if number == 1:
                server.kill()
                server.start()
        asyncio.run(at_work(clients, server.url, acts))
        assert server.stop() == 0, server.log


def a_server(folder: Path, durability: str) -> ServerProcess:
    server = ServerProcess(
        folder.parent,
        durability=durability,
        archive_to=str(folder / ARCHIVE),
        archive_seconds=ARCHIVE_SECONDS,
    )
    server.database = str(folder / NAME)
    return server


def has_base(folder: Path) -> bool:
    return any((folder / ARCHIVE).glob("base-*"))


def until_one_more_window(folder: Path) -> None:
    before = len(windows_in(folder))
    until(lambda: len(windows_in(folder)) > before)


def windows_in(folder: Path) -> list[str]:
    return sorted(each.name for each in (folder / ARCHIVE).glob("window-*.pages"))


def looked_at(recording: Recording, count: int, *, goes_on_each: int, durability: str) -> list[str]:
    records = recording.records()
    known = known_before(records)
    seen = 0

    def look(folder: Path, disk: Disk) -> Iterable[str]:
        nonlocal seen
        if not has_base(folder):
            return
        newest = restored(folder)
        promised = promises_in(notes_of(records[: known.get(newest, 0)]))
        asked = promises_in(notes_of(records[: disk.records]))
        yield from complaints_of(folder / RESTORED, promised, asked)
        seen += 1
        if seen % goes_on_each == 0:
            yield from complaints_after(folder, durability)

    assert len(known) > 3, "little was put to the test"
    return look_at_images(recording, count, "archive", look)


def restored(folder: Path) -> str:
    """Restore the newest moment. Returns the name of its window."""
    store, path = Folder(str(folder / ARCHIVE)), folder / RESTORED
    path.unlink(missing_ok=True)
    reach, base = way_to(reaches(store), None)
    way = Way(reach, base, windows_after(store, reach, base, None))
    restore_moment(store, way, str(path), prepare=prepare, replaces=False, now_ms=NOON_MS)
    return reach.name.of_window(reach.newest)


def complaints_after(folder: Path, durability: str) -> Iterable[str]:
    """A server goes on with what is left, and its archive has what is in its file."""
    with a_server(folder, durability) as server:
        server.start()
        asyncio.run(at_work(clients_of(None), server.url, 3))
        until(lambda: is_safe(server.url))
        if server.stop() != 0:
            yield server.log
    restored(folder)
    there, kept = (jobs_in(folder / name) for name in (NAME, RESTORED))
    if there != kept:
        yield f"the archive has other jobs than the file: {sorted(there ^ kept)[:5]}"


def is_safe(url: str) -> bool:
    """Whether the archive has a base, and all that was done."""
    with urlopen(f"{url}/metrics", timeout=SECONDS_MAX) as answer:
        return b"\nspooled_archive_lag_seconds 0.0\n" in answer.read()


def jobs_in(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT id, status FROM jobs"))


def known_before(records: Sequence[Record]) -> dict[str, int]:
    """By window: how many records there were when the one before it had been cut."""
    known: dict[str, int] = {}
    last = 0
    for number, each in enumerate(records):
        name = Path(each.path).name
        if each.kind == "c" and WINDOW.fullmatch(name) and name not in known:
            known[name], last = last, number
    return known


def prepare(path: str) -> None:
    """Of a restored file: nothing."""
