"""The life of a server over years of virtual time: schedules, workers, restarts, and its ledger."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from spooled_lite.cli.check import problems_of
from spooled_lite.storage.file_guard import length_of
from spooled_lite.times import parse_ms
from tests.crash.connection import Connection
from tests.server_process import ServerProcess

QUEUE: Final = "work"
DAY: Final = timedelta(days=1)
NEW_YORK: Final = ZoneInfo("America/New_York")
NIGHTLY: Final = "nightly"
HANDS: Final = 8  # connections of workers
CLAIM_MAX: Final = 100
LEASE_SECONDS: Final = 3_600
MAX_RETRIES: Final = 2
LEFT_HELD: Final = 5  # jobs that a worker has when the server is killed
PRUNED_WITHIN: Final = 2 * DAY  # passes of retention run at the end of each move

Ending = Literal["kill", "stop"]


class Rates(Struct, frozen=True, kw_only=True):
    """How much happens."""

    schedules: int  # that fire each so many hours
    hours: int
    created: int  # jobs a day beside those of schedules
    retention_days: int


class Mark(Struct, frozen=True):
    """The server at the end of a stretch."""

    at: datetime
    resident_bytes: int
    open_files: int
    file_bytes: int
    wal_bytes: int


class Ledger(Struct):
    """What was asked for and what was done, until it may be forgotten."""

    fails: dict[str, int] = field(default_factory=dict)  # of jobs that were created: how often
    attempts: Counter[str] = field(default_factory=Counter)
    ended: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # status, and when
    slots: list[tuple[str, int]] = field(default_factory=list)  # schedule and time, of its jobs
    count: int = 0
    complaints: list[str] = field(default_factory=list)


class Life:
    """One server in test mode on one file. Time passes in days, and each day's work is done."""

    def __init__(self, server: ServerProcess, rates: Rates, now: datetime) -> None:
        self.server = server
        self.rates = rates
        self.now = now
        self.ledger = Ledger()
        self.marks: list[Mark] = []
        self._hands: list[Connection] = []

    async def begin(self) -> None:
        await self._start()
        for number in range(self.rates.schedules):
            await self._schedule(f"daily {number}", f"0 */{self.rates.hours} * * *", "UTC")
        await self._schedule(NIGHTLY, "30 2 * * *", NEW_YORK.key)

    async def restart(self, ending: Ending) -> None:
        """After a kill a worker holds some jobs, whose leases end later."""
        if ending == "kill":
            await self._create()
            self._took(await self._claim(LEFT_HELD))
            self.server.kill()
        else:
            assert self.server.stop() == 0, self.server.log
        await self._start()

    async def end(self) -> None:
        for hand in self._hands:
            hand.close()
        await asyncio.sleep(0)  # the loop closes them in its next turn
        assert self.server.stop() == 0, self.server.log

    async def pass_days(self, days: int) -> None:
        for _ in range(days):
            for _ in range(self.rates.created):
                await self._create()
            answer = await self._post("/test/clock/advance", {"by": "1d", "report": 0})
            self.now += DAY
            assert parse_ms(answer["now"], "now") == ms_of(self.now)
            await self._work()

    async def mark(self, since: datetime) -> None:
        """The end of a stretch: the ledger is compared with the file, the server is measured.

        Then somebody looks after the dead letters, which nothing else would ever delete.
        """
        self._compare(since)
        path, server = self.server.database, self.server
        sizes = (length_of(path), length_of(f"{path}-wal"))
        self.marks.append(Mark(self.now, server.resident_bytes, server.open_files, *sizes))
        dead = [each for each, (how, _) in self.ledger.ended.items() if how == "deadletter"]
        retried = 0
        while count := (await self._post("/jobs/dlq/retry", {"queue_name": QUEUE}))[
            "retried_count"
        ]:
            retried += count
        if retried != len(dead):
            self.ledger.complaints.append(f"{retried} dead letters, not {len(dead)}")
        for job_id in dead:
            del self.ledger.ended[job_id], self.ledger.attempts[job_id]
            self.ledger.fails[job_id] = 0

    async def _start(self) -> None:
        for hand in self._hands:
            hand.close()
        self.server.arguments = ("--test", "--at", self.now.isoformat())
        self.server.start()
        self._hands = [await Connection.open(self.server.url) for _ in range(HANDS)]

    async def _post(self, path: str, body: Any, hand: int = 0) -> Any:
        answer = await self._hands[hand].request("POST", path, body)
        assert answer.status in (200, 201), answer
        return answer.body

    async def _schedule(self, name: str, cron: str, timezone: str) -> None:
        body = {"name": name, "cron_expression": cron, "timezone": timezone, "queue_name": QUEUE}
        await self._post("/schedules", {**body, "payload_template": {"schedule": name}})

    async def _create(self) -> None:
        """A job that is delayed by up to ten days, and fails so often before it succeeds."""
        number = self.ledger.count
        self.ledger.count += 1
        fails = number % (MAX_RETRIES + 2)  # once in so many: too often
        job = await self._post(
            "/jobs",
            {
                "queue_name": QUEUE,
                "payload": {"number": number},
                "max_retries": MAX_RETRIES,
                "delay_seconds": number % 11 * 86_400,
            },
        )
        self.ledger.fails[job["id"]] = fails

    async def _claim(self, limit: int, hand: int = 0) -> list[dict[str, Any]]:
        body = {"queue_name": QUEUE, "worker_id": f"hand {hand}", "limit": limit}
        answer = await self._post(
            "/jobs/claim", {**body, "lease_duration_secs": LEASE_SECONDS}, hand
        )
        jobs: list[dict[str, Any]] = answer["jobs"]
        return jobs

    def _took(self, jobs: list[dict[str, Any]]) -> None:
        for job in jobs:
            job_id = job["id"]
            if job_id in self.ledger.ended:
                self.ledger.complaints.append(f"{job_id} had ended, and was handed out again")
            self.ledger.attempts[job_id] += 1
            if job["attempts"] != self.ledger.attempts[job_id]:
                self.ledger.complaints.append(f"{job_id}: attempt {job['attempts']} was lost")
            schedule = job["payload"].get("schedule")
            if schedule is None and job_id not in self.ledger.fails:
                self.ledger.complaints.append(f"nobody asked for {job_id}")
            elif schedule is not None and self.ledger.attempts[job_id] == 1:
                slot = parse_ms(job["created_at"], "created_at")
                self.ledger.slots.append((schedule, slot))

    async def _work(self) -> None:
        """Until nothing is left to claim: each hand for itself."""
        async with asyncio.TaskGroup() as group:
            for hand in range(HANDS):
                group.create_task(self._work_off(hand))

    async def _work_off(self, hand: int) -> None:
        while jobs := await self._claim(CLAIM_MAX // HANDS, hand):
            self._took(jobs)
            for job in jobs:
                await self._settle(job, hand)

    async def _settle(self, job: dict[str, Any], hand: int) -> None:
        ledger, job_id, lease = self.ledger, job["id"], {"lease_id": job["lease_id"]}
        path = f"/jobs/{job_id}"
        if ledger.attempts[job_id] <= ledger.fails.get(job_id, 0):
            await self._post(f"{path}/fail", {**lease, "error": "declined"}, hand)
            if ledger.attempts[job_id] > MAX_RETRIES:
                ledger.ended[job_id] = ("deadletter", self.now)
        else:
            await self._post(f"{path}/complete", {**lease, "result": {}}, hand)
            ledger.ended[job_id] = ("completed", self.now)

    def _compare(self, since: datetime) -> None:
        ledger = self.ledger
        wanted = sorted(slots_between(since, self.now, self.rates))
        if sorted(ledger.slots) != wanted:
            differ = set(ledger.slots) ^ set(wanted)
            ledger.complaints.append(f"{len(ledger.slots)} slots, not {len(wanted)}: {differ}")
        ledger.slots.clear()
        ledger.complaints += problems_of(self.server.database)
        with closing(sqlite3.connect(f"file:{self.server.database}?mode=ro", uri=True)) as file:
            rows = dict(file.execute("SELECT id, status FROM jobs"))
        kept = timedelta(days=self.rates.retention_days)
        for job_id, (status, at) in list(ledger.ended.items()):
            age = self.now - at
            if age < kept and rows.get(job_id) != status:
                ledger.complaints.append(f"{job_id} was {status}, and is {rows.get(job_id)}")
            if age > kept + PRUNED_WITHIN and job_id in rows:
                ledger.complaints.append(f"{job_id} ended {age} ago, and is still there")
            if age > 2 * kept:
                for book in (ledger.ended, ledger.fails, ledger.attempts):
                    book.pop(job_id, None)
        lost = [each for each in ledger.fails if each not in ledger.ended and each not in rows]
        ledger.complaints += [f"{each} is lost" for each in lost]


def ms_of(at: datetime) -> int:
    return round(at.timestamp()) * 1000


def slots_between(after: datetime, until: datetime, rates: Rates) -> list[tuple[str, int]]:
    """When the schedules fire, worked out from the calendar alone."""
    each_ms = rates.hours * 3_600_000
    times = range(ms_of(after) + each_ms, ms_of(until) + 1, each_ms)  # both at midnight
    found = [(f"daily {number}", at) for number in range(rates.schedules) for at in times]
    day = (after - DAY).date()
    while day <= until.date():
        slot = night_of(day)
        if after < slot <= until:
            found.append((NIGHTLY, ms_of(slot)))
        day += DAY
    return found


def night_of(day: date) -> datetime:
    """Half past two in New York: the first one, or the end of the gap that swallows it."""
    wall = datetime(day.year, day.month, day.day, 2, 30, tzinfo=NEW_YORK)
    at = wall.astimezone(UTC)
    if at.astimezone(NEW_YORK).hour != 2:
        return wall.replace(hour=3, minute=0).astimezone(UTC)
    return at
