"""The machine's clock is set forward and back under a running server, and while none runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from spooled_lite.app import Running, running
from spooled_lite.background import timekeeper
from spooled_lite.clock import SystemClock
from spooled_lite.config import Settings
from spooled_lite.core.lifecycle.clock_jumps import keep_leases
from spooled_lite.errors import Unavailable
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.times import parse_ms
from tests.storage.stage import run

KEY: Final = "sk_test_0123456789abcdef0123456789abcdef"
HOUR_MS: Final = 3_600_000
YEAR_MS: Final = 365 * 24 * HOUR_MS
BUSY_MS: Final = 30_000  # the machine may have other things to do
WAIT_SECONDS_MAX: Final = 30.0


@pytest.fixture(autouse=True)
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeper, "CHECK_SECONDS", 0.01)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "spooled.db")


class Wall:
    """What the machine's clock says: the right time, and how far it was set."""

    def __init__(self, set_ms: int = 0) -> None:
        self.set_ms = set_ms

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.set_ms


class Stage:
    def __init__(self, it: Running, wall: Wall, clock: SystemClock) -> None:
        self.it, self.wall, self.clock = it, wall, clock
        self._told = asyncio.Condition()
        self._tellings = 0
        self._notes: set[asyncio.Task[None]] = set()
        clock.on_jump(lambda: self._notes.add(asyncio.create_task(self._note())))
        self.api = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=it.application),
            base_url="http://spooled.test/api/v1",
            headers={"Authorization": f"Bearer {KEY}"},
        )

    async def set_by(self, by_ms: int, tellings: int | None = None) -> None:
        """Set the machine's clock, and wait until the server has followed it, repairs included."""
        wanted = self._tellings + (tellings or (1 if by_ms > 0 else 2))
        self.wall.set_ms += by_ms
        async with asyncio.timeout(WAIT_SECONDS_MAX), self._told:
            await self._told.wait_for(lambda: self._tellings >= wanted)

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.api.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def create(self, **fields: Any) -> str:
        body = {"queue_name": "emails", "payload": {}, **fields}
        made: str = (await self.call("POST", "/jobs", body, 201))["id"]
        return made

    async def claim(self) -> Any:
        body = {"queue_name": "emails", "worker_id": "w", "lease_duration_secs": 300}
        [job] = (await self.call("POST", "/jobs/claim", body))["jobs"]
        return job

    async def ms_until(self, job_id: str, field: str) -> int:
        at: str = (await self.call("GET", f"/jobs/{job_id}"))[field]
        return parse_ms(at, field) - self.wall()

    async def until(self, statement: str, value: int) -> None:
        """Until a number in the file is so large."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            # Nothing tells of a commit without an event.
            while await self.value(statement) < value:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def value(self, statement: str) -> int:
        found = await self.it.services.db.readers.read(Reading.value, Value(int, statement))
        return found or 0

    async def _note(self) -> None:
        async with self._told:
            self._tellings += 1
            self._told.notify_all()


@asynccontextmanager
async def serving(path: str, wall: Wall) -> AsyncIterator[Stage]:
    clock = SystemClock(wall)
    async with running(Settings(database=path, bootstrap_api_key=KEY), clock=clock) as it:
        stage = Stage(it, wall, clock)
        async with stage.api:
            yield stage


def test_an_hour_ahead_ends_no_lease(path: str) -> None:
    async def main() -> None:
        async with serving(path, Wall()) as stage:
            job_id = await stage.create(max_retries=0)
            job = await stage.claim()

            await stage.set_by(HOUR_MS)

            left_ms = await stage.ms_until(job_id, "lease_expires_at")
            assert 300_000 - BUSY_MS < left_ms <= 300_000, "it has what was left of it"
            settled = {"worker_id": "w", "lease_id": job["lease_id"]}
            await stage.call("POST", f"/jobs/{job_id}/complete", settled)

    run(main())


def test_a_jump_ahead_that_could_not_be_stored_is_made_again_and_ends_no_lease(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[int] = []

    def fails_once(tx: Tx, by_ms: int, marked_ms: int, jump: Callable[[], None]) -> bool:
        is_done = keep_leases(tx, by_ms, marked_ms, jump)
        moves.append(by_ms)
        if len(moves) == 1:
            raise Unavailable("storage_full", "nothing of it is kept")
        return is_done

    monkeypatch.setattr(timekeeper, "keep_leases", fails_once)

    async def main() -> None:
        async with serving(path, Wall()) as stage:
            job_id = await stage.create(max_retries=0)
            job = await stage.claim()

            await stage.set_by(HOUR_MS, tellings=2)  # what was undone is repaired first

            assert len(moves) == 2
            assert abs(stage.clock.now_ms() - stage.wall()) < BUSY_MS, "it jumped once"
            left_ms = await stage.ms_until(job_id, "lease_expires_at")
            assert 300_000 - BUSY_MS < left_ms <= 300_000
            settled = {"worker_id": "w", "lease_id": job["lease_id"]}
            await stage.call("POST", f"/jobs/{job_id}/complete", settled)

    run(main())


def test_an_hour_ahead_takes_no_worker_for_silent_and_no_slot_for_forgotten(path: str) -> None:
    async def main() -> None:
        async with serving(path, Wall()) as stage:
            about = {"queue_name": "emails", "hostname": "h"}
            worker = (await stage.call("POST", "/workers/register", about, 201))["id"]
            rule = {
                "name": "s", "cron_expression": "* * * * *", "queue_name": "slots",
                "payload_template": {},
            }  # fmt: skip
            await stage.call("POST", "/schedules", rule, 201)
            metrics = stage.it.services.metrics

            await stage.set_by(HOUR_MS)
            await stage.until("SELECT count(*) FROM schedule_runs", 1)

            assert (await stage.call("GET", f"/workers/{worker}"))["status"] == "healthy"
            assert "spooled_repaired_deadlines_total 0" in metrics.text().decode()

    run(main())


def test_jobs_of_an_hour_ahead_are_claimed_in_their_turn_after_the_way_back(path: str) -> None:
    async def main() -> None:
        async with serving(path, Wall(HOUR_MS)) as stage:
            ahead = [await stage.create() for _ in range(3)]

            await stage.set_by(-HOUR_MS)

            later = await stage.create()
            assert [(await stage.claim())["id"] for _ in range(4)] == [*ahead, later]

    run(main())


def test_what_was_begun_an_hour_ahead_ends_in_its_time_after_the_way_back(path: str) -> None:
    async def main() -> None:
        async with serving(path, Wall(HOUR_MS)) as stage:
            held = await stage.create()
            await stage.claim()
            failed = await stage.create()
            retried = await stage.claim()
            error = {"worker_id": "w", "lease_id": retried["lease_id"], "error": "no"}
            await stage.call("POST", f"/jobs/{failed}/fail", error)
            delayed = await stage.create(delay_seconds=600)
            named = await stage.create(scheduled_at="2099-01-01T00:00:00Z")

            await stage.set_by(-HOUR_MS)

            assert 0 < await stage.ms_until(held, "lease_expires_at") <= 300_000
            assert await stage.ms_until(failed, "scheduled_at") < BUSY_MS
            assert 600_000 - BUSY_MS < await stage.ms_until(delayed, "scheduled_at") <= 600_000
            job = await stage.call("GET", f"/jobs/{named}")
            assert parse_ms(job["scheduled_at"], "") == parse_ms("2099-01-01T00:00:00Z", "")

    run(main())


def test_a_restart_in_the_past_repairs_the_same(path: str) -> None:
    async def main() -> None:
        async with serving(path, Wall(HOUR_MS)) as stage:
            held = await stage.create()
            await stage.claim()
            delayed = await stage.create(delay_seconds=600)
        async with serving(path, Wall()) as stage:
            await stage.until(
                "SELECT -max(updated_at_ms) FROM jobs", -(stage.wall() + HOUR_MS // 2)
            )

            assert 0 < await stage.ms_until(held, "lease_expires_at") <= 300_000
            assert 0 < await stage.ms_until(delayed, "scheduled_at") <= 600_000

    run(main())


@pytest.mark.parametrize("catch_up", ["one", "skip", "all"])
@pytest.mark.parametrize("ahead_ms", [26 * HOUR_MS, 10 * YEAR_MS], ids=["a day", "ten years"])
def test_a_clock_that_was_ahead_for_a_moment_leaves_no_schedule_dead(
    path: str, ahead_ms: int, catch_up: str
) -> None:
    async def main() -> None:
        async with serving(path, Wall()) as stage:
            job_id = await stage.create()
            job = await stage.claim()
            settled = {"worker_id": "w", "lease_id": job["lease_id"]}
            await stage.call("POST", f"/jobs/{job_id}/complete", settled)
            rule = {
                "name": "s", "cron_expression": "0 * * * *", "queue_name": "slots",
                "payload_template": {}, "catch_up": catch_up,
            }  # fmt: skip
            schedule = (await stage.call("POST", "/schedules", rule, 201))["id"]
            first = "SELECT next_run_at_ms FROM schedules"
            before = await stage.value(first)

            await stage.set_by(ahead_ms)
            await stage.until(first, stage.wall())
            await stage.set_by(-ahead_ms)

            slots = "SELECT max(slot_at_ms) FROM schedule_runs"
            last, following = await stage.value(slots), await stage.value(first)
            hours_fired = max(0, last - before + HOUR_MS)
            assert last < following <= max(before, last + HOUR_MS), "the next one, and not again"
            assert following - stage.wall() <= HOUR_MS + hours_fired
            shown = await stage.call("GET", f"/schedules/{schedule}")
            assert parse_ms(shown["next_run_at"], "") == following
            assert (await stage.call("GET", f"/jobs/{job_id}"))["status"] == "completed"

            count = await stage.value("SELECT count(*) FROM schedule_runs")
            await stage.set_by(following + 1_000 - stage.wall())
            await stage.until("SELECT count(*) FROM schedule_runs", count + 1)

    run(main())


def test_a_breaker_stays_open_for_its_own_time_after_an_hour_back(path: str) -> None:
    async def main() -> None:
        async with serving(path, Wall()) as stage:
            breaker = {"failure_threshold": 1, "open_timeout_ms": 300_000}
            await stage.call("PUT", "/queues/emails/config", {"circuit_breaker": breaker})
            job_id = await stage.create()
            await stage.claim()
            await stage.call("POST", f"/jobs/{job_id}/fail", {"error": "boom"})

            await stage.set_by(-HOUR_MS)

            standing = (await stage.call("GET", "/queues/emails"))["breaker"]
            left_ms = parse_ms(standing["open_until"], "open_until") - stage.wall()
            assert 300_000 - BUSY_MS < left_ms <= 300_000

    run(main())
