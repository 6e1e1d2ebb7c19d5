"""Backups under load, from inside and outside: each has all that was acknowledged before it."""

import asyncio
import json
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import pytest
from msgspec import Struct

from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.shelf import on_shelf
from spooled_lite.backups.statements import count_of
from spooled_lite.outbound.stores import Folder
from tests.crash.books import Book, Passing, book_of, complaints_about
from tests.crash.ledger import Ledger
from tests.crash.load import all_clients, let_loose
from tests.server_process import ServerProcess

ADMIN_KEY: Final = "an admin key of the tests"
BACKUP_SECONDS_MAX: Final = 120.0  # the file grows by tens of megabytes a second
ROUNDS_MIN: Final = 2


class Round(Struct):
    """A backup, and what was known when it was asked for and when it was there."""

    before: Book
    after: Book
    manifest: Manifest


@pytest.mark.slow
def test_a_few_backups_under_load_have_all_that_was_acknowledged_before_them(
    tmp_path: Path,
) -> None:
    asyncio.run(a_series(tmp_path, seconds=0))


@pytest.mark.long
def test_many_backups_under_load_have_all_that_was_acknowledged_before_them(
    tmp_path: Path,
) -> None:
    asyncio.run(a_series(tmp_path, seconds=20))


async def a_series(tmp_path: Path, *, seconds: int) -> None:
    """A backup about every second, by the server and by the command in turn, then each restored."""
    to, kept = tmp_path / "to", tmp_path / "kept"
    to.mkdir()
    kept.mkdir()
    ledger, passing = Ledger(), Passing()
    rounds: list[Round] = []

    async def back_up(server: ServerProcess) -> None:
        await asyncio.to_thread(first_one, to)
        until = time.monotonic() + seconds
        while len(rounds) < ROUNDS_MIN or time.monotonic() < until:
            began = time.monotonic()
            known = names_in(to)
            before = book_of(ledger, passing)
            if len(rounds) % 2:
                await by_command("backup", "--database", server.database, "--to", str(to))
            else:
                await asyncio.to_thread(by_server, server.url)
            after = book_of(ledger, passing)
            rounds.append(Round(before, after, kept_aside(to, kept, known)))
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))
        server.terminate()

    settings = {"backup_to": str(to), "admin_key": ADMIN_KEY}
    with ServerProcess(tmp_path, **settings) as server:
        server.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(passing.run(server.url))
            clients = all_clients(ledger, "backups")
            await let_loose(clients, server.url, lambda: back_up(server))
        assert await asyncio.to_thread(server.wait) == 0, server.log

    assert ledger.complaints == []
    for each in rounds:
        path = tmp_path / f"{each.manifest.name}.restored"
        place = ("--from", str(kept), "--backup", each.manifest.name)
        await by_command("restore", *place, "--database", str(path))
        assert complaints_of(path, each) == []
        path.unlink()
    assert len(rounds[-1].before.created) > len(rounds[0].after.created) > 0
    assert rounds[-1].before.completed
    assert rounds[-1].before.queues_deleted


def complaints_of(path: Path, backup: Round) -> list[str]:
    found = complaints_about(path, backup.before, backup.after)
    with closing(sqlite3.connect(path)) as connection:
        found["other rows than the manifest says"] = {
            name
            for name, count in backup.manifest.rows.items()
            if connection.execute(count_of(name).text).fetchone()[0] != count
        } - RESTORING_WRITES
    return [f"{what}: {sorted(which)[:5]}" for what, which in found.items() if which]


# A restore lets the next event have a higher number, and opens the file once.
RESTORING_WRITES: Final = frozenset({"event_log", "server_state"})


def names_in(folder: Path) -> set[str]:
    return {each.name for each in on_shelf(Folder(str(folder))).manifests}


def first_one(folder: Path) -> None:
    """Wait for the backup that a server makes of a file without one."""
    until = time.monotonic() + BACKUP_SECONDS_MAX
    while not names_in(folder):
        assert time.monotonic() < until, "no first backup"
        time.sleep(0.05)


def kept_aside(folder: Path, kept: Path, known: set[str]) -> Manifest:
    """The new backup, under a second name that nothing deletes."""
    [manifest] = [
        each for each in on_shelf(Folder(str(folder))).manifests if each.name not in known
    ]
    for name in (manifest.name, manifest.name.replace(".db.gz", ".json")):
        os.link(folder / name, kept / name)
    return manifest


def by_server(url: str) -> None:
    """Ask the server for a backup, and wait until it is made."""
    until = time.monotonic() + BACKUP_SECONDS_MAX
    before = asked(url, "GET")
    names = {each["name"] for each in before["backups"]}
    asked(url, "POST")
    while (seen := asked(url, "GET"))["under_way"] or not (
        {each["name"] for each in seen["backups"]} - names
    ):
        assert seen["problem"] is None, seen["problem"]
        assert time.monotonic() < until, seen
        time.sleep(0.05)


def asked(url: str, method: str) -> dict[str, Any]:
    request = Request(
        f"{url}/api/v1/admin/backups", method=method, headers={"X-Admin-Key": ADMIN_KEY}
    )
    with urlopen(request, timeout=BACKUP_SECONDS_MAX) as answer:
        body: dict[str, Any] = json.loads(answer.read())
    return body


async def by_command(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "spooled_lite", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await finished(process.communicate())
    assert process.returncode == 0, said.decode()


async def finished(work: Awaitable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    async with asyncio.timeout(BACKUP_SECONDS_MAX):
        return await work
