"""A real server for hours, or for as many minutes: each hour has a backup, and most have a kill."""

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from msgspec import Struct

from spooled_lite.backups.shelf import on_shelf, verify
from spooled_lite.cli.check import problems_of
from spooled_lite.outbound.stores import Folder
from spooled_lite.storage.file_guard import length_of
from tests.crash.audit import audit
from tests.crash.connection import Connection
from tests.crash.ledger import Ledger
from tests.crash.load import QUEUES, let_loose
from tests.server_process import ServerProcess
from tests.soak.users import TICKS, Listener, Place, Receivers, Ticker, clients_of

JOBS_PER_SECOND: Final = 50
SCHEDULES: Final = 200
SLOT_SECONDS: Final = 30  # between two slots of a schedule
STREAMS: Final = 100
KILLED_SHARE: Final = 2 / 3  # of the hours; the last ones are one run, whose slopes are looked at
PATIENCE_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.1

ADMIN_KEY: Final = "an admin key of the soak"
SIZES: Final = ("resident_bytes", "open_files", "file_bytes", "wal_bytes")
MEMORY_GROWTH_MAX: Final = 16 * 2**20
FILES_GROWTH_MAX: Final = 16  # connections come and go
LOG_BYTES_MAX: Final = 96 * 2**20
FILE_GROWTH_MAX: Final = 1.3


class Mark(Struct, frozen=True):
    """The server at the end of an hour, under load."""

    hour: int
    resident_bytes: int
    open_files: int
    file_bytes: int
    wal_bytes: int
    counts: dict[str, int]
    start_seconds: float | None  # after the kill; None: it was not killed


class Soak:
    def __init__(self, folder: Path, *, hours: int, hour_seconds: float) -> None:
        self._backups = folder / "backups"
        self._archive = folder / "archive"
        for each in (self._backups, self._archive):
            each.mkdir()
        self._hours = hours
        self._seconds = hour_seconds
        self._random = random.Random("soak")
        self._server = ServerProcess(
            folder,
            log_level="warning",
            backup_to=str(self._backups),
            archive_to=str(self._archive),
            admin_key=ADMIN_KEY,
        )
        self._place = Place()
        self._ticker = Ticker(self._place)
        self._listeners = [Listener(self._place) for _ in range(STREAMS)]
        self._receivers = Receivers()
        self._verified: set[str] = set()
        self.complaints = self._place.complaints
        self.marks: list[Mark] = []

    async def run(self, say: Callable[[str], None]) -> None:
        with self._server as server:
            await asyncio.to_thread(server.start)
            self._place.url = server.url
            async with self._receivers.running(), asyncio.TaskGroup() as others:
                await self._make_schedules()
                users = [self._ticker.run(), *(each.run() for each in self._listeners)]
                tasks = [others.create_task(each) for each in users]
                for hour in range(self._hours):
                    await self._hour(hour)
                    say(self._words_of(self.marks[-1]))
                await asyncio.to_thread(self._until_archived)
                for task in tasks:
                    task.cancel()
            if server.stop() != 0:
                self.complaints.append(f"the server did not stop well: {server.log[-2000:]}")
        self._check_slots()
        self._check_archive()
        self.complaints += problems_of(server.database)
        self._check_growth()

    @property
    def events(self) -> int:
        return sum(each.events for each in self._listeners)

    async def _hour(self, hour: int) -> None:
        server, ledger = self._server, Ledger()
        until = time.monotonic() + self._seconds
        is_killed = hour < KILLED_SHARE * self._hours
        measured: list[tuple[int, int, int, int]] = []

        async def happens() -> None:
            await self._own_webhooks()
            await asyncio.sleep(self._seconds * self._random.uniform(0.2, 0.5))
            await asyncio.to_thread(self._back_up)
            await asyncio.sleep(max(0.0, until - time.monotonic() - 1))
            sizes = (length_of(server.database), length_of(f"{server.database}-wal"))
            measured.append((server.resident_bytes, server.open_files, *sizes))
            if is_killed:
                await asyncio.sleep(self._random.random())
                server.kill()

        clients = clients_of(f"hour {hour}", ledger, JOBS_PER_SECOND, until)
        await let_loose(clients, server.url, happens)
        seconds = await asyncio.to_thread(server.start) if is_killed else None
        self._place.url = server.url
        found = await asyncio.to_thread(audit, server.database, ledger, besides=TICKS)
        self.complaints += [f"hour {hour}: {each}" for each in found]
        self.marks.append(Mark(hour, *measured[0], ledger.counts(), seconds))
        await self._clear()

    async def _clear(self) -> None:
        """Forget the hour: its jobs are right, and the next ledger knows nothing of them."""
        connection = await Connection.open(self._server.url)
        for name in QUEUES:
            answer = await connection.request("DELETE", f"/queues/{name}?delete_jobs=true")
            assert answer.status in (200, 202, 204), answer
        connection.close()
        until = time.monotonic() + PATIENCE_SECONDS
        while await asyncio.to_thread(self._left):
            assert time.monotonic() < until, "the jobs of deleted queues are still there"
            await asyncio.sleep(LOOK_SECONDS)

    def _left(self) -> int:
        with self._file() as file:
            asked = "SELECT count(*) FROM jobs WHERE queue_name IN (?, ?)"
            return int(file.execute(asked, QUEUES).fetchone()[0])

    def _file(self) -> Any:
        return closing(sqlite3.connect(f"file:{self._server.database}?mode=ro", uri=True))

    async def _make_schedules(self) -> None:
        connection = await Connection.open(self._server.url)
        for number in range(SCHEDULES):
            body = {
                "name": f"schedule {number}",
                "cron_expression": f"{number % SLOT_SECONDS}/{SLOT_SECONDS} * * * * *",
                "queue_name": TICKS,
                "payload_template": {"token": "tick"},
                "catch_up": "all",
            }
            answer = await connection.request("POST", "/schedules", body)
            assert answer.status == 201, answer
        connection.close()

    async def _own_webhooks(self) -> None:
        """New ones: those that failed too often were switched off."""
        connection = await Connection.open(self._server.url)
        for each in (await connection.request("GET", "/outgoing-webhooks")).body:
            await connection.request("DELETE", f"/outgoing-webhooks/{each['id']}")
        for name, url in self._receivers.urls():
            body = {"name": name, "url": url, "events": ["job.completed"]}
            answer = await connection.request("POST", "/outgoing-webhooks", body)
            assert answer.status == 201, answer
        connection.close()

    def _back_up(self) -> None:
        """By the server, and then look at all of each new one."""
        self._command("backup", "--url", self._server.url, "--admin-key", ADMIN_KEY)
        store = Folder(str(self._backups))
        shelf = on_shelf(store)
        self.complaints += shelf.problems
        for each in shelf.manifests:
            if each.name not in self._verified:
                self._verified.add(each.name)
                self.complaints += verify(store, each, time.time_ns() // 1_000_000)

    def _command(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "spooled_lite", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.complaints.append(f"{arguments[0]} failed: {done.stderr}")

    def _until_archived(self) -> None:
        """Wait until the archive has a base, and all that was done so far."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            with urlopen(f"{self._server.url}/metrics", timeout=PATIENCE_SECONDS) as answer:
                if b"\nspooled_archive_lag_seconds 0.0\n" in answer.read():
                    return
            assert time.monotonic() < until, "the archive stays behind"
            time.sleep(LOOK_SECONDS)

    def _check_archive(self) -> None:
        """After the stop it has all that the file has."""
        path = self._archive / "newest.db"
        self._command("restore", "--from", str(self._archive), "--database", str(path))
        jobs = []
        for each in (self._server.database, str(path)):
            with closing(sqlite3.connect(f"file:{each}?mode=ro", uri=True)) as file:
                jobs.append(set(file.execute("SELECT id, status FROM jobs")))
        if jobs[0] != jobs[1]:
            self.complaints.append(f"the archive has {len(jobs[1])} jobs, the file {len(jobs[0])}")

    def _check_slots(self) -> None:
        """Each slot of each schedule has one job, also those that a kill fell upon."""
        with self._file() as file:
            runs = file.execute("SELECT schedule, slot_at_ms FROM schedule_runs ORDER BY 1, 2")
            slots: dict[int, list[int]] = {}
            for schedule, at_ms in runs:
                slots.setdefault(schedule, []).append(at_ms)
        if len(slots) != SCHEDULES:
            self.complaints.append(f"{len(slots)} schedules have fired, not {SCHEDULES}")
        for schedule, found in slots.items():
            if found != list(range(found[0], found[-1] + 1, SLOT_SECONDS * 1000)):
                self.complaints.append(f"schedule {schedule} left a slot out, or fired twice")

    def _check_growth(self) -> None:
        """Of the last hours, which are one run: the second half against the first."""
        last = [each for each in self.marks if each.start_seconds is None]
        first, second = last[: len(last) // 2], last[len(last) // 2 :]
        if not first:
            return
        before = {name: max(getattr(each, name) for each in first) for name in SIZES}
        after = {name: max(getattr(each, name) for each in second) for name in SIZES}
        bounds = {
            "resident_bytes": before["resident_bytes"] + MEMORY_GROWTH_MAX,
            "open_files": before["open_files"] + FILES_GROWTH_MAX,
            "file_bytes": FILE_GROWTH_MAX * before["file_bytes"],
            "wal_bytes": LOG_BYTES_MAX,
        }
        for name, bound in bounds.items():
            if after[name] > bound:
                self.complaints.append(f"{name} grew from {before[name]} to {after[name]}")

    def _words_of(self, mark: Mark) -> str:
        counts = mark.counts
        start = "" if mark.start_seconds is None else f", up again in {mark.start_seconds:.1f} s"
        return (
            f"hour {mark.hour + 1} of {self._hours}: {counts['created']} jobs created,"
            f" {counts['completed']} completed, {counts['failed']} failures,"
            f" {len(self._ticker.done)} ticks, {self.events} events heard,"
            f" {sum(self._receivers.calls.values())} webhook calls, {len(self._verified)} backups;"
            f" memory {mark.resident_bytes / 2**20:.1f} MiB, {mark.open_files} files open,"
            f" file {mark.file_bytes / 2**20:.1f} MiB, log {mark.wal_bytes / 2**20:.1f} MiB{start};"
            f" {len(self.complaints)} complaints"
        )
