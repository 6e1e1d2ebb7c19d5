"""The power fails under a real server: what was acknowledged is there, whatever the disk kept."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import pytest

from spooled_lite.backups.shelf import on_shelf, verify
from spooled_lite.outbound.stores import Folder
from spooled_lite.storage.file_guard import length_of
from tests.power.disk import Disk
from tests.power.images import look_at_images
from tests.power.load import at_work, clients_of
from tests.power.promises import Note, complaints_of, promises_in
from tests.power.recording import BACKUPS, Record, Recording
from tests.server_process import ServerProcess

ADMIN_KEY: Final = "an admin key of the tests"
SECONDS_MAX: Final = 60.0
FAILS_ON: Final = 1_000  # more syncs than there are
NOW_MS: Final = 1_900_000_000_000  # of a check of backups: after all that is in them


@pytest.mark.long
def test_nothing_acknowledged_is_lost_in_500_power_cuts(recording: Recording) -> None:
    a_life(recording, acts=100)

    complaints = looked_at(recording, 500)
    assert not complaints, "\n".join(complaints)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_40_power_cuts(recording: Recording) -> None:
    a_life(recording, acts=12)

    complaints = looked_at(recording, 40)
    assert not complaints, "\n".join(complaints)


@pytest.mark.long
def test_with_durability_normal_nothing_that_was_synced_is_lost_in_500_power_cuts(
    recording: Recording,
) -> None:
    a_life(recording, acts=100, durability="normal")

    complaints = looked_at(recording, 500, only_synced=True)
    assert not complaints, "\n".join(complaints)


@pytest.mark.slow
def test_with_durability_normal_nothing_that_was_synced_is_lost(recording: Recording) -> None:
    a_life(recording, acts=12, durability="normal")

    complaints = looked_at(recording, 20, only_synced=True)
    assert not complaints, "\n".join(complaints)


def a_life(recording: Recording, *, acts: int, **settings: str) -> None:
    """Starts on no file, on one with a log and on one without; work, a backup, an empty log."""
    folder = recording.folder
    settings |= {"backup_to": str(folder / BACKUPS), "admin_key": ADMIN_KEY}
    clients = clients_of(recording)
    with ServerProcess(folder.parent, **settings) as server, recording.of_children():
        server.database = str(folder / "spooled.db")
        server.ready_file = folder / "ready.json"
        server.start()
        asyncio.run(at_work(clients, server.url, acts))
        back_up(recording, server.url)
        asyncio.run(at_work(clients, server.url, acts))
        until(lambda: length_of(f"{server.database}-wal") == 0)
        asyncio.run(at_work(clients, server.url, acts))
        server.kill()
        server.start()
        asyncio.run(at_work(clients, server.url, acts))
        assert server.stop() == 0, server.log
        server.start()
        asyncio.run(at_work(clients, server.url, acts))
        server.kill()


def back_up(recording: Recording, url: str) -> None:
    is_idle = lambda: not asked_of_admin(url, "GET")["under_way"]  # noqa: E731
    until(is_idle)  # the first start makes one by itself
    asked_of_admin(url, "POST")
    until(is_idle)
    for each in asked_of_admin(url, "GET")["backups"]:
        recording.note(msgspec.json.encode(Note("backed up", each["name"])))


def asked_of_admin(url: str, method: str) -> Any:
    headers = {"X-Admin-Key": ADMIN_KEY}
    request = Request(f"{url}/api/v1/admin/backups", method=method, headers=headers)
    with urlopen(request, timeout=SECONDS_MAX) as answer:
        return json.loads(answer.read())


def is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/health/ready", timeout=SECONDS_MAX) as answer:
            return bool(answer.status == 200)
    except HTTPError:
        return False


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def looked_at(recording: Recording, count: int, *, only_synced: bool = False) -> list[str]:
    records = recording.records()

    def look(folder: Path, disk: Disk) -> Iterable[str]:
        log = f"{folder}/spooled.db-wal"
        until = disk.sure_of(log) if only_synced else disk.records
        promised = promises_in(notes_of(records[:until]))
        asked = promises_in(notes_of(records[: disk.records]))
        database = folder / "spooled.db"
        yield from complaints_of(database, promised, asked)
        yield from complaints_of_backups(folder / BACKUPS, asked.backups)
        ready = folder / "ready.json"
        if ready.exists():
            try:
                json.loads(ready.read_bytes())
            except ValueError:
                yield f"the ready file says {ready.read_bytes()!r}"

    return look_at_images(recording, count, "power", look)


def notes_of(records: Sequence[Record]) -> Iterator[Note]:
    return (msgspec.json.decode(each.data, type=Note) for each in records if each.kind == "n")


def complaints_of_backups(folder: Path, promised: set[str]) -> Iterator[str]:
    store = Folder(str(folder))
    shelf = on_shelf(store)
    yield from shelf.problems
    for name in promised - {each.name for each in shelf.manifests}:
        yield f"backup {name} is gone"
    for each in shelf.manifests:
        yield from verify(store, each, NOW_MS)


@pytest.mark.slow
def test_what_is_acknowledged_after_a_sync_that_failed_outlasts_a_power_cut(
    recording: Recording,
) -> None:
    """Also where the log cannot be brought into the file either, or the server is killed then."""
    folder, clients = recording.folder, clients_of(recording)
    with ServerProcess(folder.parent) as server, recording.of_children():
        server.database = str(folder / "spooled.db")
        server.start()
        for failures in (1, 2, FAILS_ON):
            asyncio.run(at_work(clients, server.url, 6))
            recording.fail_syncs(failures)
            asyncio.run(at_work(clients, server.url, 6))
            if failures == FAILS_ON:
                server.kill()
                recording.fail_syncs(0)
                server.start()
            until(lambda: is_ready(server.url))
        asyncio.run(at_work(clients, server.url, 6))
        server.kill()

    complaints = looked_at(recording, 40)
    assert not complaints, "\n".join(complaints)
