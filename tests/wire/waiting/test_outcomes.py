"""Waiting for the end of a job or a workflow, over a real server.

Contract: catbird-capabilities, T11, F19 and section 19.3 (A8, A9); amendments, G19.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from spooled_lite.core.keys.issue import issue
from spooled_lite.core.orgs.create import create
from spooled_lite.wire import bodies
from spooled_lite.wire.time_limit import TimeLimit
from spooled_lite.wire.waiting import outcomes
from tests.factories import a_key, an_org
from tests.wire.http.raw_http import Answer, Client, run
from tests.wire.waiting.stage import LONG_MS, Stage, a_request, a_stage, play


async def begun(stage: Stage, thing: str, *, key: str = "") -> Client:
    """A client that waits for the end of `jobs/{id}` or `workflows/{id}`, as the last one."""
    count = stage.it.services.outcomes.count()
    client = await stage.connect()
    path = f"{thing}/wait?timeout_ms={LONG_MS}"
    await client.send(a_request("GET", path, None, key or stage.key))
    await stage.until(lambda: stage.it.services.outcomes.count() == count + 1)
    return client


async def asked(stage: Stage, thing: str, timeout_ms: Any = 20, *, key: str = "") -> Answer:
    return await stage.call("GET", f"{thing}/wait?timeout_ms={timeout_ms}", key=key)


async def settle(
    stage: Stage, job_id: str, act: str, queue_name: str = "emails", **body: Any
) -> None:
    await stage.claim(queue_name)
    await stage.post(f"jobs/{job_id}/{act}", body)


async def a_workflow(stage: Stage) -> tuple[str, str, str]:
    """A workflow of two jobs, the second after the first."""
    made = await stage.post(
        "workflows",
        {
            "name": "onboarding",
            "jobs": [
                {"key": "first", "queue_name": "emails", "payload": {}, "max_retries": 0},
                {"key": "second", "queue_name": "emails", "payload": {}, "depends_on": ["first"]},
            ],
        },
    )
    first, second = (each["job_id"] for each in made["job_ids"])
    return made["workflow_id"], first, second


# -- a job ---------------------------------------------------------------------------------------


def test_the_commit_that_completes_a_job_answers_who_waits_for_it() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        client = await begun(stage, f"jobs/{job_id}")

        await settle(stage, job_id, "complete", result={"n": 1})
        answer = await client.read_answer()

        assert answer.status == 200
        assert answer.json == {
            "id": job_id,
            "state": "completed",
            "status": "completed",
            "output": {"n": 1},
        }
        assert stage.it.services.outcomes.count() == 0

    play(script)


def test_one_who_waits_is_answered_as_soon_as_the_call_that_ends_the_job() -> None:
    async def script(stage: Stage) -> None:
        waits = []
        for _ in range(20):
            job_id = await stage.enqueue()
            client = await begun(stage, f"jobs/{job_id}")
            await stage.claim()
            began = time.monotonic()
            await stage.post(f"jobs/{job_id}/complete", {})
            settled = time.monotonic()
            await client.read_answer()
            waits.append((time.monotonic() - settled) / (settled - began))

        assert sorted(waits)[10] < 1  # not later than one more call would take

    play(script)


@pytest.mark.parametrize(
    ("act", "body", "said"),
    [
        ("complete", {}, {"state": "completed", "status": "completed", "output": None}),
        (
            "fail",
            {"error": "no", "no_retry": True},
            {"state": "failed", "status": "deadletter", "error_message": "no"},
        ),
    ],
)
def test_a_job_that_has_ended_already_is_answered_at_once(
    act: str, body: Mapping[str, Any], said: Mapping[str, Any]
) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        await settle(stage, job_id, act, **body)

        answer = await asked(stage, f"jobs/{job_id}", LONG_MS)

        assert (answer.status, answer.json) == (200, {"id": job_id, **said})

    play(script)


def test_a_result_that_stands_apart_from_its_job_is_said_whole() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        client = await begun(stage, f"jobs/{job_id}")

        await settle(stage, job_id, "complete", result="x" * 100_000)

        assert (await client.read_answer()).json["output"] == "x" * 100_000

    play(script)


def test_a_job_that_is_cancelled_or_expires_has_ended() -> None:
    async def script(stage: Stage) -> None:
        cancelled = await stage.enqueue()
        expiring = await stage.enqueue(expires_at="2027-01-15T08:01:00Z")
        clients = [await begun(stage, f"jobs/{each}") for each in (cancelled, expiring)]

        await stage.post(f"jobs/{cancelled}/cancel")
        assert (await clients[0].read_answer()).json["state"] == "canceled"
        stage.clock.advance(seconds=61)

        answer = await clients[1].read_answer()
        assert (answer.json["state"], answer.json["status"]) == ("expired", "cancelled")

    play(script)


def test_a_retry_is_no_end_and_the_last_failure_is() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue(max_retries=1)
        client = await begun(stage, f"jobs/{job_id}")

        await settle(stage, job_id, "fail", error="one")
        assert stage.it.services.outcomes.count() == 1
        assert (await asked(stage, f"jobs/{job_id}")).json["state"] == "started"
        stage.clock.advance(seconds=60)
        await stage.until(lambda: True)
        await settle(stage, job_id, "fail", error="two")

        assert (await client.read_answer()).json["error_message"] == "two"

    play(script)


def test_when_the_time_is_up_the_answer_says_how_things_stand() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        waiting = await asked(stage, f"jobs/{job_id}")
        await stage.claim()
        running = await asked(stage, f"jobs/{job_id}", 0)
        later = await stage.enqueue(delay_seconds=60)

        assert (waiting.status, waiting.json["state"]) == (202, "queued")
        assert running.status == 202
        assert running.json == {"id": job_id, "state": "started", "status": "processing"}
        assert (await asked(stage, f"jobs/{later}", 0)).json["status"] == "scheduled"
        assert (await asked(stage, f"jobs/{later}", -5)).status == 202
        assert (await asked(stage, f"jobs/{later}", "soon")).status == 400

    play(script)


def test_waiting_for_an_end_does_not_count_as_handler_time() -> None:
    async def main() -> None:
        async with a_stage(TimeLimit(0.5, sweep_seconds=0.01)) as stage:
            job_id = await stage.enqueue()
            assert (await asked(stage, f"jobs/{job_id}", 1000)).status == 202

    run(main())


def test_a_job_that_is_deleted_meanwhile_is_not_found() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        client = await begun(stage, f"jobs/{job_id}")

        assert (await stage.call("DELETE", "queues/emails?delete_jobs=true")).status in (200, 204)

        answer = await client.read_answer()
        assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")

    play(script)


# -- the first of several jobs -------------------------------------------------------------------


async def begun_of(stage: Stage, job_ids: list[str]) -> Client:
    count = stage.it.services.outcomes.count()
    client = await stage.connect()
    path = f"jobs/wait?ids={','.join(job_ids)}&timeout_ms={LONG_MS}"
    await client.send(a_request("GET", path, None, stage.key))
    await stage.until(lambda: stage.it.services.outcomes.count() == count + 1)
    return client


async def asked_of(stage: Stage, ids: str, timeout_ms: int = 0) -> Answer:
    return await stage.call("GET", f"jobs/wait?ids={ids}&timeout_ms={timeout_ms}")


def test_the_first_of_several_jobs_to_end_answers_who_waits_for_them() -> None:
    async def script(stage: Stage) -> None:
        first = await stage.enqueue("emails")
        second = await stage.enqueue("bills")
        client = await begun_of(stage, [first, second])

        await settle(stage, second, "complete", "bills", result={"n": 1})
        answer = await client.read_answer()

        assert answer.status == 200
        ended = {"id": second, "state": "completed", "status": "completed", "output": {"n": 1}}
        assert answer.json == {"jobs": [ended], "remaining": [first]}
        assert stage.it.services.outcomes.count() == 0

    play(script)


def test_a_wait_for_several_says_every_one_that_has_ended_in_the_order_asked() -> None:
    async def script(stage: Stage) -> None:
        job_ids = [await stage.enqueue(f"q{n}") for n in range(3)]
        await stage.post(f"jobs/{job_ids[0]}/cancel")
        await settle(stage, job_ids[2], "fail", "q2", error="no", no_retry=True)

        ids = f"{job_ids[2]},{job_ids[1]},{job_ids[0]},{job_ids[2]}"
        answer = await asked_of(stage, ids, LONG_MS)

        assert answer.status == 200
        assert [each["state"] for each in answer.json["jobs"]] == ["failed", "canceled"]
        assert answer.json["jobs"][0]["error_message"] == "no"
        assert answer.json["remaining"] == [job_ids[1]]

    play(script)


def test_a_wait_for_several_of_which_none_ends_in_time_names_them_all() -> None:
    async def script(stage: Stage) -> None:
        job_ids = [await stage.enqueue() for _ in range(2)]

        answer = await asked_of(stage, ",".join(job_ids), 20)

        assert (answer.status, answer.json) == (202, {"jobs": [], "remaining": job_ids})

    play(script)


def test_a_wait_for_several_is_refused_when_one_of_them_is_not_there_for_the_caller() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()

        unknown = await asked_of(stage, f"{job_id},none", LONG_MS)
        many = await asked_of(stage, ",".join(["a"] * 101))
        nothing = await asked_of(stage, ",")

        assert (unknown.status, unknown.json["details"]) == (404, {"index": 1})
        assert (many.status, nothing.status) == (400, 400)
        assert (await stage.call("GET", "jobs/wait")).status == 400

    play(script)


def test_a_result_for_which_the_answer_has_no_room_is_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "PAGE_BYTES_MAX", 150_000)

    async def script(stage: Stage) -> None:
        job_ids = [await stage.enqueue() for _ in range(2)]
        for job_id in job_ids:
            await settle(stage, job_id, "complete", result="x" * 100_000)

        first, second = (await asked_of(stage, ",".join(job_ids))).json["jobs"]

        assert len(first["output"]) == 100_000
        assert "output" not in second
        assert second["output_omitted"] is True

    play(script)


def test_what_a_job_was_cancelled_for_is_part_of_its_outcome() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        await stage.post(f"jobs/{job_id}/cancel")
        text = "UPDATE jobs SET cancel_reason = 'withdrawn' WHERE id = :id"
        await stage.db.write(lambda tx: tx.execute(text, {"id": job_id}))

        answer = await asked(stage, f"jobs/{job_id}")

        assert answer.json["cancel_reason"] == "withdrawn"

    play(script)


# -- a workflow ----------------------------------------------------------------------------------


def test_the_end_of_its_last_job_answers_who_waits_for_a_workflow() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, first, second = await a_workflow(stage)
        client = await begun(stage, f"workflows/{workflow_id}")

        await settle(stage, first, "complete")
        assert stage.it.services.outcomes.count() == 1
        await settle(stage, second, "complete")

        answer = await client.read_answer()
        assert answer.status == 200
        assert answer.json == {"id": workflow_id, "state": "completed", "status": "completed"}

    play(script)


def test_a_failed_workflow_says_which_of_its_jobs_failed_and_why() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, first, _ = await a_workflow(stage)
        client = await begun(stage, f"workflows/{workflow_id}")

        await settle(stage, first, "fail", error="no")

        answer = await client.read_answer()
        assert answer.json == {
            "id": workflow_id,
            "state": "failed",
            "status": "failed",
            "failed_step": "first",
            "error_message": "no",
        }
        assert (await asked(stage, f"workflows/{workflow_id}")).json == answer.json

    play(script)


def test_a_cancelled_workflow_has_ended_when_none_of_its_jobs_runs_any_more() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, first, _ = await a_workflow(stage)
        await stage.claim()
        client = await begun(stage, f"workflows/{workflow_id}")

        await stage.post(f"workflows/{workflow_id}/cancel", {"reason": "customer"})
        going_on = await asked(stage, f"workflows/{workflow_id}")
        assert (going_on.status, going_on.json["state"]) == (202, "canceling")
        await stage.post(f"jobs/{first}/complete", {})

        answer = await client.read_answer()
        assert (answer.status, answer.json["state"]) == (200, "canceled")
        assert (answer.json["status"], answer.json["cancel_reason"]) == ("cancelled", "customer")

    play(script)


# -- who may wait --------------------------------------------------------------------------------


def test_nobody_waits_for_what_belongs_to_others_or_is_not_there() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, job_id, _ = await a_workflow(stage)
        other = await stage.db.write(create, an_org())
        stranger = (await stage.db.write(issue, other["seq"], a_key(), is_live=False)).secret
        limited = await stage.db.write(issue, stage.org, a_key(queues=["bills"]), is_live=False)

        for thing in (f"jobs/{job_id}", f"workflows/{workflow_id}"):
            assert (await asked(stage, thing, LONG_MS, key=stranger)).status == 404
        assert (await asked(stage, f"jobs/{job_id}", LONG_MS, key=limited.secret)).status == 404
        refused = await asked(stage, f"workflows/{workflow_id}", LONG_MS, key=limited.secret)
        assert refused.status == 403
        assert (await asked(stage, "jobs/none", LONG_MS)).status == 404

    play(script)


def test_a_key_that_is_revoked_meanwhile_is_refused_at_once() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        issued = await stage.db.write(issue, stage.org, a_key(), is_live=False)
        revoked = await begun(stage, f"jobs/{job_id}", key=issued.secret)
        good = await begun(stage, f"jobs/{job_id}")

        await stage.call("DELETE", f"api-keys/{issued.row['id']}")

        assert (await revoked.read_answer()).status == 401
        assert stage.it.services.outcomes.count() == 1
        await settle(stage, job_id, "complete")
        assert (await good.read_answer()).status == 200

    play(script)


def test_a_key_that_loses_the_queue_meanwhile_sees_the_job_no_longer() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        issued = await stage.db.write(issue, stage.org, a_key(), is_live=False)
        client = await begun(stage, f"jobs/{job_id}", key=issued.secret)

        await stage.call("PUT", f"api-keys/{issued.row['id']}", {"queues": ["bills"]})

        assert (await client.read_answer()).status == 404

    play(script)


# -- bounds and ends -----------------------------------------------------------------------------


def test_a_client_that_leaves_gives_its_place_back() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        leaver = await begun(stage, f"jobs/{job_id}")

        await leaver.close()

        await stage.until(lambda: stage.it.services.outcomes.count() == 0)

    play(script)


def test_a_stopping_server_says_to_everybody_how_things_stand() -> None:
    async def script(stage: Stage) -> None:
        workflow_id, job_id, _ = await a_workflow(stage)
        clients = [
            await begun(stage, thing) for thing in (f"jobs/{job_id}", f"workflows/{workflow_id}")
        ]

        await stage.server.stop()

        for client in clients:
            answer = Answer.parse(await client.read_to_end())
            assert answer.status == 202

    play(script)


def test_an_organization_has_as_many_places_as_it_may_and_others_have_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcomes, "OF_ORG_MAX", 3)
    monkeypatch.setattr(outcomes, "IN_ALL_MAX", 5)

    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        clients = [await begun(stage, f"jobs/{job_id}") for _ in range(3)]

        refused = await asked(stage, f"jobs/{job_id}", LONG_MS)
        assert (refused.status, refused.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert (await asked(stage, f"jobs/{job_id}", 0)).status == 202  # who does not wait may ask

        await settle(stage, job_id, "complete")
        assert [(await client.read_answer()).status for client in clients] == [200] * 3
        again = await stage.enqueue()
        await begun(stage, f"jobs/{again}")

    play(script)


def test_a_thousand_that_wait_cost_nobody_anything_and_are_all_answered() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        clients = await asyncio.gather(*(stage.connect() for _ in range(1_000)))
        path = f"jobs/{job_id}/wait?timeout_ms={LONG_MS}"
        for client in clients:
            await client.send(a_request("GET", path, None, stage.key))
        await stage.until(lambda: stage.it.services.outcomes.count() == 1_000)
        looked: list[str] = []
        hints = stage.it.services.hints
        concerned = hints._concerned

        def watched(thing_id: str, has_ended: bool) -> Any:
            found = concerned(thing_id, has_ended)
            looked.extend([thing_id] * len(found))
            return found

        hints._concerned = watched  # type: ignore[method-assign]
        for _ in range(20):
            await settle(stage, await stage.enqueue("bills"), "complete", "bills")
        assert looked == []

        await settle(stage, job_id, "complete")

        answers = [await client.read_answer() for client in clients]
        assert {answer.status for answer in answers} == {200}
        assert looked == [job_id] * 1_000

    play(script)
