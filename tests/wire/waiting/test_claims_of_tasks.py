"""Claims by the names of tasks, with and without waiting: contract amendments, G9."""

import asyncio
from typing import Any

import pytest

from tests.wire.http.raw_http import Client
from tests.wire.waiting.stage import LONG_MS, Stage, a_request, given, play


async def defined(stage: Stage, name: str, **fields: Any) -> None:
    answer = await stage.call("PUT", f"tasks/{name}", fields)
    assert answer.status == 200, answer.body


async def ran(stage: Stage, name: str, **fields: Any) -> str:
    return str((await stage.post(f"tasks/{name}/runs", {"input": 1, **fields}))["id"])


async def claimed(stage: Stage, *names: str, **fields: Any) -> list[str]:
    body = {"task_names": names, "worker_id": "w-1", "limit": 10, **fields}
    return [job["id"] for job in (await stage.post("jobs/claim", body))["jobs"]]


async def waits(
    stage: Stage, *names: str, queue_name: str = "", key: str = "", **fields: Any
) -> Client:
    """A client whose claim of runs stands in line."""
    count = stage.it.services.waiting.count()
    client = await stage.connect()
    body = {"task_names": names, "wait_ms": LONG_MS, **fields}
    if queue_name:
        body["queue_name"] = queue_name
    await client.send(a_request("POST", "jobs/claim", body, key or stage.key))
    await stage.until(lambda: stage.it.services.waiting.count() == count + 1)
    await stage.db.write(lambda tx: None)
    return client


def test_runs_are_claimed_by_the_names_of_their_tasks() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, "send_email", queue_name="mails")
        await defined(stage, "charge_card")
        first = await ran(stage, "send_email")
        urgent = await ran(stage, "charge_card", priority=3)
        await stage.enqueue("mails")

        body = {"task_names": ["send_email", "charge_card", "unknown"], "limit": 5}
        jobs = (await stage.post("jobs/claim", body))["jobs"]

        assert [(job["id"], job["task_name"]) for job in jobs] == [
            (urgent, "charge_card"),
            (first, "send_email"),
        ]
        assert len({job["lease_id"] for job in jobs}) == 1
        await stage.post(f"jobs/{first}/complete", {"lease_id": jobs[0]["lease_id"]})
        assert await claimed(stage, "send_email", queue_name="others") == []

    play(script)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"task_names": []}, 422, "task_names"),
        ({"task_names": ["Not a name"]}, 400, "task_names[0]"),
        ({"task_names": ["a"] * 101}, 400, "task_names"),
        ({"task_names": ["a"], "phase": "item"}, 400, "phase"),
        ({"queue_name": "a", "phase": "generate"}, 400, "phase"),
        ({"step_handlers": ["a.b"], "phase": "rest"}, 400, "phase"),
        ({"step_handlers": []}, 422, "step_handlers"),
        ({"step_handlers": [{}]}, 422, "step_handlers[0].flow_name"),
        ({"step_handlers": [{"flow_name": "a"}]}, 422, "step_handlers[0].step_name"),
        ({"step_handlers": ["a.b", "a"]}, 400, "step_handlers[1]"),
        ({"step_handlers": ["a.b.c"]}, 400, "step_handlers[0]"),
        ({"step_handlers": [{"flow_name": "a", "step_name": "B"}]}, 400, "step_handlers[0]"),
        (
            {
                "task_names": [f"a{n}" for n in range(60)],
                "step_handlers": [f"a.b{n}" for n in range(41)],
            },
            400,
            "step_handlers",
        ),
    ],
)
def test_what_cannot_be_claimed_is_refused(body: Any, status: int, field: str) -> None:
    async def script(stage: Stage) -> None:
        answer = await stage.call("POST", "jobs/claim", body)

        assert (answer.status, answer.json["details"][0]["field"]) == (status, field)

    play(script)


def test_a_key_gets_runs_of_its_queues_only() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, "send_email", queue_name="mails")
        await defined(stage, "charge_card")
        run = await ran(stage, "send_email")
        await ran(stage, "charge_card", priority=5)
        key = (await stage.post("api-keys", {"name": "k", "queues": ["mails"]}))["key"]
        body = {"task_names": ["charge_card", "send_email"], "limit": 5}

        answer = await stage.call("POST", "jobs/claim", body, key=key)

        assert [job["id"] for job in answer.json["jobs"]] == [run]
        other = {**body, "queue_name": "charge_card"}
        assert (await stage.call("POST", "jobs/claim", other, key=key)).status == 403
        # A claim that waits for nothing it may have waits all the same.
        nothing = {"task_names": ["charge_card"], "wait_ms": 20}
        assert (await stage.call("POST", "jobs/claim", nothing, key=key)).json == {"jobs": []}

    play(script)


# -- waiting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("queue_name", ["", "mails"])
def test_a_run_answers_the_claim_that_waits_for_its_task(queue_name: str) -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, "send_email", queue_name="mails")
        await defined(stage, "charge_card", queue_name="mails")
        other = await waits(stage, "charge_card", queue_name=queue_name)
        client = await waits(stage, "send_email", "unknown", queue_name=queue_name)
        job_id = await stage.enqueue("mails")

        run = await ran(stage, "send_email")

        assert await given(client) == [run]
        charge = await ran(stage, "charge_card")
        assert await given(other) == [charge]
        assert (await stage.shown(job_id))["status"] == "pending"
        assert stage.it.services.waiting.within((stage.org, "mails")) == ()

    play(script)


def test_they_are_served_oldest_first_and_a_worker_of_the_queue_takes_what_is_left() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, "send_email", queue_name="emails")
        clients = [await waits(stage, "send_email") for _ in range(2)]
        assert stage.it.services.waiting.count_in((stage.org, "emails")) == 2

        runs = [await ran(stage, "send_email") for _ in range(3)]

        assert [await given(client) for client in clients] == [runs[:1], runs[1:2]]
        assert [job["id"] for job in await stage.claim()] == runs[2:]

    play(script)


def test_a_retry_a_delay_and_a_resumed_queue_answer_it_too() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, "send_email")
        run = await ran(stage, "send_email")
        await claimed(stage, "send_email")
        client = await waits(stage, "send_email")
        await stage.post(f"jobs/{run}/fail", {"error": "e", "retry_after_ms": 0})
        assert await given(client) == [run]
        await stage.post(f"jobs/{run}/complete", {})

        client = await waits(stage, "send_email")
        delayed = await ran(stage, "send_email", delay_ms=60_000)
        stage.clock.advance(seconds=60)
        assert await given(client) == [delayed]
        await stage.post(f"jobs/{delayed}/complete", {})

        await stage.post("queues/send_email/pause", {})
        paused = await ran(stage, "send_email")
        client = await waits(stage, "send_email")
        await stage.post("queues/send_email/resume", {})
        assert await given(client) == [paused]

    play(script)


def test_room_that_a_plain_job_makes_answers_it() -> None:
    async def script(stage: Stage) -> None:
        await defined(stage, "send_email", queue_name="emails")
        await stage.post("queues", {"name": "emails", "max_concurrency": 1})
        job_id = await stage.enqueue()
        await stage.claim()
        run = await ran(stage, "send_email")
        client = await waits(stage, "send_email")

        await stage.post(f"jobs/{job_id}/complete", {})

        assert await given(client) == [run]

    play(script)


def test_a_caller_that_leaves_gives_up_its_place_in_every_line() -> None:
    async def script(stage: Stage) -> None:
        client = await waits(stage, "send_email", "charge_card")
        assert stage.count("send_email") == 0

        await client.close()

        waiting = stage.it.services.waiting
        await stage.until(lambda: waiting.count() == 0)
        await stage.until(lambda: waiting.within((stage.org, "charge_card")) == ())

    play(script)


def test_a_worker_that_drains_and_a_server_that_stops_answer_it_empty() -> None:
    async def script(stage: Stage) -> None:
        named = {"queue_name": "emails", "hostname": "h", "worker_id": "w-1"}
        await stage.post("workers/register", named)
        client = await waits(stage, "send_email", worker_id="w-1")
        await stage.post("workers/w-1/heartbeat", {"status": "draining"})
        assert await given(client) == []

        client = await waits(stage, "send_email")
        stage.it.begin_stop()
        assert await given(client) == []

    play(script)


def test_many_claims_beside_each_other_get_each_run_once() -> None:
    async def script(stage: Stage) -> None:
        names = [f"task_{number}" for number in range(6)]
        for name in names:
            await defined(stage, name, queue_name="shared")
        wanted = [(name, names[(place + 1) % 6]) for place, name in enumerate(names)] * 3
        clients = [await waits(stage, *pair) for pair in wanted]

        runs = [await ran(stage, names[number % 6]) for number in range(18)]

        got = await asyncio.gather(*(given(client) for client in clients))
        assert sorted(job_id for each in got for job_id in each) == sorted(runs)

    play(script)
