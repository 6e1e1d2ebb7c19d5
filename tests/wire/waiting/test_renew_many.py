"""Renewing many leases in one call, and waiting for a stop: contract amendments, G3."""

import time
from typing import Any

import pytest

from spooled_lite.wire.http.resources import many_attempts
from spooled_lite.wire.shapes.many_attempts import LEASES_MAX
from spooled_lite.wire.waiting import stops
from tests.wire.http.raw_http import Client
from tests.wire.waiting.stage import LONG_MS, Stage, a_request, play

Job = dict[str, Any]


def held(*jobs: Job) -> list[dict[str, str]]:
    return [{"id": job["id"], "lease_id": job["lease_id"]} for job in jobs]


async def taken(stage: Stage, count: int, **fields: Any) -> list[Job]:
    jobs = [{"payload": 1, **fields}] * count
    await stage.post("jobs/bulk", {"queue": "emails", "jobs": jobs})
    return await stage.claim(limit=count, lease_duration_secs=60)


async def renewed(stage: Stage, leases: Any, **more: Any) -> list[dict[str, Any]]:
    body = {"leases": leases, "lease_duration_secs": 90, **more}
    results: list[dict[str, Any]] = (await stage.post("jobs/heartbeat", body))["results"]
    return results


async def a_step(stage: Stage) -> tuple[str, Job]:
    """A workflow with one running job."""
    step = {"key": "a", "queue_name": "emails", "payload": 1}
    made = await stage.post("workflows", {"name": "w", "jobs": [step]})
    [job] = await stage.claim()
    return made["workflow_id"], job


async def waits(stage: Stage, *jobs: Job, key: str = "") -> Client:
    """A client whose renewal waits."""
    before = stage.it.services.stops.count()
    client = await stage.connect()
    body = {"leases": held(*jobs), "wait_ms": LONG_MS}
    await client.send(a_request("POST", "jobs/heartbeat", body, key or stage.key))
    await stage.until(lambda: stage.it.services.stops.count() == before + len(jobs))
    return client


def test_each_lease_is_renewed_or_told_why_not() -> None:
    async def script(stage: Stage) -> None:
        one, two, three = await taken(stage, 3)
        await stage.post(f"jobs/{two['id']}/complete", {})
        stage.clock.advance(seconds=10)

        leases = [*held(one, two), {"id": "nobody"}, {"id": three["id"]}, *held(one)]
        results = await renewed(stage, leases, worker_id="w-1")

        assert [each["id"] for each in results] == [each["id"] for each in leases]
        end = "2027-01-15T08:01:40.000Z"
        assert results[0] == {"id": one["id"], "success": True, "lease_expires_at": end}
        assert results[1]["error"]["code"] == "CONFLICT"
        assert results[1]["error"]["details"] == {"status": "completed", "by_this_lease": True}
        assert results[2]["error"]["code"] == "NOT_FOUND"
        assert (results[3]["success"], results[4]["success"]) == (True, True)
        assert (await stage.shown(one["id"]))["lease_expires_at"] == end
        [foreign] = await renewed(stage, held(three), worker_id="w-2")
        assert foreign["error"]["code"] == "CONFLICT"

    play(script)


def test_a_job_of_a_queue_outside_the_key_is_not_found() -> None:
    async def script(stage: Stage) -> None:
        [job] = await taken(stage, 1)
        key = await stage.post("api-keys", {"name": "k", "queues": ["others"]})
        before = await stage.shown(job["id"])

        answer = await stage.call("POST", "jobs/heartbeat", {"leases": held(job)}, key=key["key"])

        assert answer.json["results"][0]["error"]["code"] == "NOT_FOUND"
        assert await stage.shown(job["id"]) == before

    play(script)


def test_none_are_renewed_at_once_and_too_many_are_refused() -> None:
    async def script(stage: Stage) -> None:
        assert await renewed(stage, [], wait_ms=LONG_MS) == []
        body = {"leases": [{"id": "x"}] * (LEASES_MAX + 1)}
        assert (await stage.call("POST", "jobs/heartbeat", body)).status == 400
        short = {"leases": [], "lease_duration_secs": 1}
        assert (await stage.call("POST", "jobs/heartbeat", short)).status == 400

    play(script)


# -- waiting -------------------------------------------------------------------------------------


def test_a_stop_of_one_of_them_answers_a_renewal_that_waits() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, step = await a_step(stage)
        [plain] = await taken(stage, 1)
        client = await waits(stage, plain, step)
        # What its own worker does with a job is no news to it.
        [other] = await taken(stage, 1)
        await stage.post(f"jobs/{other['id']}/complete", {})

        await stage.post(f"workflows/{workflow_id}/cancel", {"stop_running": True})

        first, second = (await client.read_answer()).json["results"]
        assert (first["id"], first["success"]) == (plain["id"], True)
        assert (second["id"], second["success"]) == (step["id"], False)
        assert second["error"]["details"]["reason"] == "workflow_canceled"
        assert (await stage.shown(step["id"]))["status"] == "cancelled"
        assert stage.it.services.stops.count() == 0

    play(script)


def test_what_a_worker_settles_meanwhile_does_not_end_its_wait() -> None:
    async def script(stage: Stage) -> None:
        one, two, three = await taken(stage, 3)
        client = await waits(stage, one, two, three)

        await stage.post(f"jobs/{one['id']}/complete", held(one)[0])
        await stage.post(f"jobs/{two['id']}/fail", {**held(two)[0], "error": "e"})

        assert stage.it.services.stops.count() == 3
        await client.close()
        await stage.until(lambda: stage.it.services.stops.count() == 0)

    play(script)


def test_one_that_was_told_to_stop_before_is_answered_at_once() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, step = await a_step(stage)
        await stage.post(f"workflows/{workflow_id}/cancel", {"stop_running": True})

        [told] = await renewed(stage, held(step), wait_ms=LONG_MS)

        assert told["error"]["details"]["reason"] == "workflow_canceled"

    play(script)


def test_a_stop_between_the_renewals_and_the_wait_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(stage: Stage) -> None:
        workflow_id, step = await a_step(stage)
        wait = many_attempts._until_stopped

        async def stopped_first(*given: Any) -> None:
            await stage.post(f"workflows/{workflow_id}/cancel", {"stop_running": True})
            await wait(*given)

        monkeypatch.setattr(many_attempts, "_until_stopped", stopped_first)

        [told] = await renewed(stage, held(step), wait_ms=LONG_MS)

        assert told["error"]["details"]["reason"] == "workflow_canceled"

    play(script)


def test_without_a_stop_the_answer_comes_when_the_time_is_up() -> None:
    async def script(stage: Stage) -> None:
        jobs = await taken(stage, 2)
        began = time.monotonic()

        results = await renewed(stage, held(*jobs), wait_ms=60)

        assert [each["success"] for each in results] == [True, True]
        assert time.monotonic() - began >= 0.06
        assert stage.it.services.stops.count() == 0

    play(script)


def test_a_stop_of_the_server_answers_a_renewal_that_waits() -> None:
    async def script(stage: Stage) -> None:
        [job] = await taken(stage, 1)
        client = await waits(stage, job)

        stage.it.begin_stop()

        [result] = (await client.read_answer()).json["results"]
        assert result["success"] is True
        assert await renewed(stage, held(job), wait_ms=LONG_MS)

    play(script)


def test_a_key_that_is_revoked_ends_its_wait() -> None:
    async def script(stage: Stage) -> None:
        key = await stage.post("api-keys", {"name": "k"})
        [job] = await taken(stage, 1)
        client = await waits(stage, job, key=key["key"])

        await stage.call("DELETE", f"api-keys/{key['id']}")

        assert (await client.read_answer()).status == 401
        assert stage.it.services.stops.count() == 0

    play(script)


def test_beyond_the_bound_a_wait_is_told_nothing_early_and_still_renews(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(stage: Stage) -> None:
        monkeypatch.setattr(stops, "WATCHED_OF_ORG_MAX", 1)
        jobs = await taken(stage, 2)

        results = await renewed(stage, held(*jobs), wait_ms=30)

        assert [each["success"] for each in results] == [True, True]
        assert stage.it.services.stops.count() == 0

    play(script)
