"""Time is moved in steps, and at each one everything due there happens, in one order."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.sync.client import connect

from spooled_lite.app import running
from spooled_lite.background.supervisor import AsyncLoop, Loop
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.events import Deadline, Event
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.transaction import Tx
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.passes import ALL, HOUSEKEEPING, NOT_IN_TEST_MODE, PRODUCT
from spooled_lite.testing.world import NotForTests, world
from tests.testing.served import served
from tests.testing.stage import ADMIN_KEY, DAY_MS, HOUR_MS, START_MS, Stage, play, settings_of


def what(moved: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["at"][8:19], each["what"]) for each in moved["happened"]]


def test_what_is_due_happens_at_its_own_time() -> None:
    async def script(stage: Stage) -> None:
        for hours in (3, 1, 2):
            await stage.job(delay_seconds=hours * 3600)

        moved = await stage.move("advance", by="2h30m")

        assert what(moved) == [("01T01:00:00", "job.promoted"), ("01T02:00:00", "job.promoted")]
        assert (moved["steps"], moved["now"]) == (2, "2030-01-01T02:30:00.000Z")
        assert stage.now_ms == START_MS + 5 * HOUR_MS // 2

    play(script)


def test_a_lease_ends_and_its_job_is_tried_again_while_time_passes() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.job(max_retries=1)
        await stage.claim()

        assert what(await stage.move("advance", by="29s")) == []
        assert what(await stage.move("advance", by="1s")) == [("01T00:00:30", "job.retrying")]
        [job] = await stage.claim()
        assert job["id"] == job_id
        moved = await stage.move("advance", by="1d")
        assert what(moved) == [("01T00:01:00", "job.deadlettered")]

    play(script)


def test_every_slot_that_is_passed_fires_at_its_own_time() -> None:
    async def script(stage: Stage) -> None:
        daily = {
            "name": "nightly", "cron_expression": "0 30 2 * * *", "queue_name": "reports",
            "timezone": "UTC", "payload_template": {},
        }  # fmt: skip
        await stage.post("schedules", daily)

        moved = await stage.move("advance", by="7d")

        fired = [at for at, each in what(moved) if each == "schedule.triggered"]
        assert fired == [f"0{day}T02:30:00" for day in range(1, 8)]

    play(script)


def test_an_outage_jumps_and_then_all_that_is_due_happens_at_its_end() -> None:
    async def script(stage: Stage) -> None:
        for hours in (1, 2):
            await stage.job(delay_seconds=hours * 3600)

        moved = await stage.move("outage", by="1d")

        assert what(moved) == [("02T00:00:00", "job.promoted")] * 2

    play(script)


def test_next_goes_to_the_next_moment_at_which_something_happens() -> None:
    async def script(stage: Stage) -> None:
        gone, *_ = [await stage.job(delay_seconds=hours * 3600) for hours in (1, 2, 3)]
        await stage.post(f"jobs/{gone}/cancel")

        assert what(await stage.move("next")) == [("01T02:00:00", "job.promoted")]
        assert what(await stage.move("next", count=5)) == [("01T03:00:00", "job.promoted")]
        assert (await stage.move("next"))["steps"] == 0

    play(script)


def test_idle_goes_on_until_nothing_waits_but_what_recurs() -> None:
    async def script(stage: Stage) -> None:
        hourly = {
            "name": "hourly", "cron_expression": "0 0 * * * *", "queue_name": "reports",
            "timezone": "UTC", "payload_template": {},
        }  # fmt: skip
        await stage.post("schedules", hourly)
        await stage.job(delay_seconds=2 * 3600 + 60)

        moved = await stage.move("idle")

        assert moved["now"] == "2030-01-01T02:01:00.000Z"
        assert [each for _, each in what(moved)].count("schedule.triggered") == 2

        await stage.job(delay_seconds=5 * 3600)
        refused = await stage.post("test/clock/idle", {"within": "1h"}, status=409)
        assert refused["details"]["reason"] == "not_idle"
        assert refused["details"]["due"][0]["kind"] == "promotion"

    play(script)


# -- the order at one moment -----------------------------------------------------------------------


def test_what_is_due_at_one_moment_happens_in_the_order_of_the_table() -> None:
    """A change of this order is a change for whoever tests with it: it goes into the changelog."""

    async def script(stage: Stage) -> list[str]:
        ran: list[str] = []
        await stage.move("settle")
        passes = stage.world.stepper._passes
        for kind, loop in list(passes._loops.items()):
            passes._loops[kind] = noting(loop, ran)
        passes._owed.update(PRODUCT)
        await stage.move("advance", by="1s")
        return ran

    assert play(script) == [
        "promote-due", "reap-expired-leases", "expire-jobs", "expire-runs", "wake-held-back",
        "tell-dependents", "work-on-items", "sweep-silent-workers", "spread-owed", "deliver",
        "fire-due",
    ]  # fmt: skip


def noting(loop: Loop | AsyncLoop, ran: list[str]) -> Loop | AsyncLoop:
    if isinstance(loop, AsyncLoop):
        once = loop.run_once

        async def run_async(database: Any) -> Pass:
            ran.append(loop.name)
            return await once(database)

        return AsyncLoop(loop.name, loop.deadline, run_async)
    operation = loop.run_once

    def run(tx: Tx) -> Pass:
        ran.append(loop.name)
        return operation(tx)

    return Loop(loop.name, loop.deadline, run)


def test_every_kind_of_deadline_is_one_of_the_product_or_of_housekeeping() -> None:
    assert len(ALL) == len(set(ALL))
    assert {*ALL, *NOT_IN_TEST_MODE} == set(Deadline)
    assert not set(PRODUCT) & set(HOUSEKEEPING)


def test_housekeeping_is_done_once_at_the_end_of_a_move() -> None:
    async def script(stage: Stage) -> None:
        ran: list[str] = []
        await stage.move("settle")
        passes = stage.world.stepper._passes
        for kind in HOUSEKEEPING:
            passes._loops[kind] = noting(passes._loops[kind], ran)
        job_id = await stage.job()
        [job] = await stage.claim()
        done = {"worker_id": "by hand", "lease_id": job["lease_id"]}
        await stage.post(f"jobs/{job_id}/complete", done)

        await stage.move("advance", by="60d")

        assert ran.count("safety-sweep") == 1
        assert (await stage.api.get(f"jobs/{job_id}")).status_code == 404, "it was kept 30 days"

    play(script)


# -- bounds ----------------------------------------------------------------------------------------


def test_a_move_of_too_many_steps_stops_at_a_whole_one_and_can_be_repeated() -> None:
    async def script(stage: Stage) -> None:
        for hours in range(1, 6):
            await stage.job(delay_seconds=hours * 3600)

        body = {"to": "2030-01-02T00:00:00Z", "steps_max": 3}
        refused = await stage.post("test/clock/advance", body, status=409)

        assert (refused["code"], refused["details"]["reason"]) == ("CONFLICT", "budget")
        assert refused["details"]["now"] == "2030-01-01T03:00:00.000Z"
        assert len(refused["details"]["happened"]) == 3
        moved = await stage.post("test/clock/advance", body)
        assert (len(moved["happened"]), stage.now_ms) == (2, START_MS + DAY_MS)

    play(script)


def test_a_server_that_stops_ends_the_move_under_way_with_an_answer() -> None:
    async def script(stage: Stage) -> None:
        every = {"name": "every", "cron_expression": "* * * * * *", "queue_name": "emails"}
        await stage.post("schedules", {**every, "payload_template": {}})
        fired = asyncio.Event()
        stage.world.app.services.bus.listen(lambda events: fired.set())
        move = asyncio.create_task(stage.post("test/clock/advance", {"by": "7d"}, status=503))
        await fired.wait()

        stage.world.app.begin_stop()

        assert (await move)["details"]["reason"] == "shutting_down"
        assert stage.now_ms < START_MS + HOUR_MS

    play(script)


def test_one_call_at_a_time_moves_the_clock() -> None:
    async def script(stage: Stage) -> None:
        entered, go_on = asyncio.Event(), asyncio.Event()
        await stage.move("settle")
        passes = stage.world.stepper._passes

        async def held(database: Any) -> Pass:
            entered.set()
            await go_on.wait()
            return Pass(0, None)

        passes._loops[Deadline.DELIVERY] = AsyncLoop("held", Deadline.DELIVERY, held)
        passes._owed.add(Deadline.DELIVERY)
        first = asyncio.create_task(stage.move("advance", by="1h"))
        await entered.wait()

        refused = await stage.post("test/clock/advance", {"by": "1h"}, status=409)
        assert refused["details"]["reason"] == "clock_busy"
        assert (await stage.get("jobs")) == [], "requests are served meanwhile"
        go_on.set()
        assert (await first)["now"] == "2030-01-01T01:00:00.000Z"

    play(script)


def test_a_clock_that_runs_reaches_what_is_due_by_itself() -> None:
    async def script(stage: Stage) -> None:
        promoted = asyncio.Event()

        def hear(events: Sequence[Event]) -> None:
            if any(each.type == "job.promoted" for each in events):
                promoted.set()

        stage.world.app.services.bus.listen(hear)
        await stage.job(delay_seconds=60)
        await promoted.wait()
        assert stage.now_ms >= START_MS + 60_000
        for act in ("next", "idle"):
            refused = await stage.post(f"test/clock/{act}", status=409)
            assert refused["details"]["reason"] == "clock_runs"

    play(script, clock=VirtualClock(START_MS, "ticking", 3_600.0))


# -- which files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_test_mode_is_for_development_only(environment: str) -> None:
    async def main() -> None:
        async with world(settings_of(environment=environment), VirtualClock(START_MS)):
            raise AssertionError("started")

    with pytest.raises(NotForTests, match=environment):
        asyncio.run(main())


def test_a_file_of_test_mode_and_one_of_production_are_never_opened_by_the_other(
    tmp_path: Any,
) -> None:
    async def start(path: str, *, is_test: bool) -> None:
        async with running(settings_of(database=path), is_test=is_test):
            pass

    moved, real = str(tmp_path / "moved.db"), str(tmp_path / "real.db")
    for _ in range(2):
        asyncio.run(start(moved, is_test=True))
        asyncio.run(start(real, is_test=False))

    with pytest.raises(CannotUseFile, match="test mode made this file"):
        asyncio.run(start(moved, is_test=False))
    with pytest.raises(CannotUseFile, match="test mode opens only"):
        asyncio.run(start(real, is_test=True))


# -- what goes wrong, and what keeps real time -----------------------------------------------------


def test_a_pass_that_fails_ends_the_move_and_is_run_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(stage: Stage) -> None:
        await stage.move("settle")
        passes = stage.world.stepper._passes
        loop = passes._loops[Deadline.PROMOTION]

        def broken(tx: Tx) -> Pass:
            passes._loops[Deadline.PROMOTION] = loop  # the next one is fine
            raise RuntimeError("broken")

        await stage.job(delay_seconds=3600)
        passes._loops[Deadline.PROMOTION] = Loop("broken", Deadline.PROMOTION, broken)
        refused = await stage.post("test/clock/advance", {"by": "1d"}, status=500)
        assert refused["code"] == "INTERNAL_ERROR"

        moved = await stage.move("advance", by="1d")
        assert stage.now_ms == START_MS + HOUR_MS + DAY_MS
        [job] = await stage.get("jobs")
        assert job["status"] == "pending"
        assert moved["from"] == "2030-01-01T01:00:00.000Z"

    play(script)


def test_what_follows_from_a_request_has_happened_before_the_next_one() -> None:
    async def script(stage: Stage) -> None:
        jobs = [
            {"key": "a", "queue_name": "emails", "payload": {}},
            {"key": "b", "queue_name": "emails", "payload": {}, "depends_on": ["a"]},
        ]
        for _ in range(20):
            await stage.post("workflows", {"name": "w", "jobs": jobs})
            [job] = await stage.claim()
            done = {"worker_id": "by hand", "lease_id": job["lease_id"]}
            await stage.post(f"jobs/{job['id']}/complete", done)
            [child] = await stage.claim()
            await stage.post(
                f"jobs/{child['id']}/complete", {**done, "lease_id": child["lease_id"]}
            )

    play(script)


def test_a_claim_that_waits_waits_in_real_time_or_until_time_is_moved() -> None:
    async def script(stage: Stage) -> None:
        assert await stage.claim(wait_ms=20) == []

        await stage.job(delay_seconds=3600)
        waiting = asyncio.create_task(stage.claim(wait_ms=25_000))
        while not stage.world.app.services.waiting.count():
            await stage.world.app.services.db.write(lambda tx: None)
        await stage.move("advance", by="1d", workers="ignore")
        [job] = await waiting
        assert job["started_at"] == "2030-01-01T01:00:00.000Z"

    play(script)


def test_a_request_limit_refills_as_the_clock_is_moved_and_says_that_it_stands() -> None:
    async def script(stage: Stage) -> None:
        while (refused := await stage.api.get("jobs")).status_code == 200:
            pass
        assert refused.status_code == 429
        assert "The clock stands" in refused.json()["message"]
        how = {"X-Admin-Key": ADMIN_KEY, "Authorization": ""}
        moved = await stage.api.post("test/clock/advance", json={"by": "10s"}, headers=how)
        assert moved.status_code == 200
        assert (await stage.api.get("jobs")).status_code == 200

    play(script, rate_limit_requests_per_second=2)


def test_a_websocket_says_when_and_in_which_world_it_was_opened() -> None:
    with served() as server:
        url = f"{server.url.replace('http', 'ws', 1)}/api/v1/ws?token={server.key}"
        with connect(url) as socket:
            assert socket.response is not None
            headers = socket.response.headers
            assert headers["X-Spooled-Clock"] == "2030-01-01T00:00:00.000Z"
            assert headers.get_all("Date") == ["Tue, 01 Jan 2030 00:00:00 GMT"]
