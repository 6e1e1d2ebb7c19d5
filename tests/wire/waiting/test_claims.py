"""Claims that wait, over a real server: contract jobs, J11; catbird-capabilities, 19.3."""

import asyncio
from typing import Any

import pytest

from spooled_lite.wire.time_limit import TimeLimit
from tests.wire.http.raw_http import run
from tests.wire.waiting.stage import LONG_MS, Stage, a_request, a_stage, given, play

# -- without waiting -----------------------------------------------------------------------------


def test_without_a_time_to_wait_the_answer_is_at_once() -> None:
    async def script(stage: Stage) -> None:
        assert await stage.claim() == []
        assert await stage.claim(wait_ms=0) == []
        assert await stage.claim(wait_ms=None) == []
        assert stage.count() == 0

    play(script)


def test_a_claim_that_finds_something_does_not_wait() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()

        [job] = await stage.claim(wait_ms=LONG_MS, limit=5)

        assert job["id"] == job_id

    play(script)


def test_when_its_time_is_up_the_answer_is_empty() -> None:
    async def script(stage: Stage) -> None:
        assert await stage.claim(wait_ms=20) == []
        assert await stage.post("jobs/dequeue", {"queue": "emails", "wait_ms": 20}) is None
        await stage.until(lambda: stage.count() == 0)

        job_id = await stage.enqueue()
        assert [job["id"] for job in await stage.claim()] == [job_id]

    play(script)


def test_while_the_server_stops_a_claim_takes_what_there_is_and_does_not_wait() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        stage.it.begin_stop()

        assert [job["id"] for job in await stage.claim(wait_ms=LONG_MS)] == [job_id]
        assert await stage.claim(wait_ms=LONG_MS) == []

    play(script)


def test_waiting_does_not_count_as_handler_time() -> None:
    async def main() -> None:
        limit = TimeLimit(0.3, sweep_seconds=0.01)
        async with a_stage(limit) as stage:
            assert await stage.claim(wait_ms=700) == []

    run(main())


# -- what answers a waiting claim ----------------------------------------------------------------


def test_an_enqueue_answers_it() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting(worker_id="w-9", lease_duration_secs=60)

        job_id = await stage.enqueue()

        assert await given(client) == [job_id]
        shown = await stage.shown(job_id)
        assert (shown["status"], shown["worker_id"], shown["attempts"]) == ("processing", "w-9", 1)
        assert shown["lease_expires_at"] == "2027-01-15T08:01:00.000Z"
        assert stage.count() == 0

    play(script)


def test_one_who_waits_for_messages_keeps_no_worker_behind_it_waiting() -> None:
    async def script(stage: Stage) -> None:
        await stage.post("queues", {"name": "emails"})
        readers = [await stage.waiting(path="queues/emails/messages/read") for _ in range(2)]
        worker = await stage.waiting()

        job_id = await stage.enqueue()
        assert await given(worker) == [job_id]

        sent = await stage.post("queues/emails/messages", {"body": 1})
        answer = await readers[0].read_answer()
        assert [each["id"] for each in answer.json["messages"]] == [sent["id"]]

    play(script)


def test_a_bulk_answers_several() -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting(limit=2) for _ in range(2)]

        body = await stage.post("jobs/bulk", {"queue": "emails", "jobs": [{"payload": 1}] * 3})

        ids = [each["job_id"] for each in body["succeeded"]]
        assert [await given(client) for client in clients] == [ids[:2], ids[2:]]

    play(script)


def test_a_waiting_dequeue_is_answered_with_one_job() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting(path="jobs/dequeue")

        job_id = await stage.enqueue()

        answer = await client.read_answer()
        assert (answer.json["id"], answer.json["attempts"]) == (job_id, 1)

    play(script)


def test_the_promotion_of_a_delayed_job_answers_it() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting()
        job_id = await stage.enqueue(delay_seconds=60)
        stage.clock.advance(seconds=59)
        await stage.db.write(lambda tx: None)
        assert stage.count() == 1

        stage.clock.advance(seconds=1)

        assert await given(client) == [job_id]

    play(script)


def test_the_end_of_a_backoff_answers_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.enqueue()
        [job] = await stage.claim()
        client = await stage.waiting()
        await stage.post(f"jobs/{job['id']}/fail", {"error": "e"})
        assert stage.count() == 1

        stage.clock.advance(seconds=1)

        assert await given(client) == [job["id"]]

    play(script)


@pytest.mark.parametrize("path", ["jobs/{id}/retry", "jobs/dlq/retry"])
def test_a_retry_by_hand_answers_it(path: str) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue(max_retries=0)
        await stage.claim()
        await stage.post(f"jobs/{job_id}/fail", {"error": "e"})
        client = await stage.waiting()

        await stage.post(path.replace("{id}", job_id))

        assert await given(client) == [job_id]

    play(script)


def test_the_end_of_a_lease_answers_it() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        await stage.claim()
        client = await stage.waiting()

        stage.clock.advance(seconds=30)

        assert await given(client) == [job_id]
        assert (await stage.shown(job_id))["retry_count"] == 1

    play(script)


def test_the_last_dependency_answers_it() -> None:
    async def script(stage: Stage) -> None:
        parent = await stage.enqueue("parents")
        await stage.claim("parents")
        child = await stage.enqueue(parent_job_id=parent)
        client = await stage.waiting()

        await stage.post(f"jobs/{parent}/complete")

        assert await given(client) == [child]

    play(script)


def test_a_pause_holds_it_and_the_resume_answers_it() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting()
        await stage.post("queues/emails/pause")
        job_id = await stage.enqueue()
        assert stage.count() == 1
        assert (await stage.shown(job_id))["status"] == "pending"

        await stage.post("queues/emails/resume")

        assert await given(client) == [job_id]

    play(script)


def test_a_raised_limit_answers_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.call("PUT", "queues/emails", {"max_concurrency": 1})
        _, second = [await stage.enqueue() for _ in range(2)]
        await stage.claim(limit=2)
        client = await stage.waiting()

        await stage.call("PUT", "queues/emails", {"max_concurrency": 2})

        assert await given(client) == [second]

    play(script)


@pytest.mark.parametrize(
    ("act", "body"),
    [("complete", {}), ("fail", {"error": "e"}), ("fail", {"error": "e", "no_retry": True})],
)
def test_the_end_of_an_attempt_makes_room_under_a_concurrency_limit(
    act: str, body: dict[str, Any]
) -> None:
    async def script(stage: Stage) -> None:
        await stage.call("PUT", "queues/emails", {"max_concurrency": 1})
        first, second = [await stage.enqueue() for _ in range(2)]
        await stage.claim()
        client = await stage.waiting()

        await stage.post(f"jobs/{first}/{act}", body)

        assert await given(client) == [second]

    play(script)


def test_the_next_second_makes_room_under_a_rate_limit() -> None:
    async def script(stage: Stage) -> None:
        await stage.call("PUT", "queues/emails", {"rate_limit": 1})
        _, second, third = [await stage.enqueue() for _ in range(3)]
        await stage.claim()
        clients = [await stage.waiting() for _ in range(2)]

        stage.clock.advance(seconds=1)
        assert await given(clients[0]) == [second]
        assert stage.count() == 1
        stage.clock.advance(seconds=1)

        assert await given(clients[1]) == [third]

    play(script)


# -- the line ------------------------------------------------------------------------------------


def test_the_oldest_is_served_first() -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting() for _ in range(3)]
        ids = [await stage.enqueue() for _ in range(3)]

        assert [await given(client) for client in clients] == [[job_id] for job_id in ids]

    play(script)


def test_a_fresh_claim_goes_behind_those_that_wait() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting()

        _, fresh = await asyncio.gather(stage.enqueue(), stage.claim())

        assert fresh == []
        assert len(await given(client)) == 1

    play(script)


def test_two_queues_do_not_disturb_each_other() -> None:
    async def script(stage: Stage) -> None:
        client = await stage.waiting("a")
        other = await stage.waiting("b")

        job_id = await stage.enqueue("b")

        assert await given(other) == [job_id]
        assert stage.count("a") == 1
        mine = await stage.enqueue("a")
        assert await given(client) == [mine]

    play(script)


def test_many_that_wait_are_not_even_looked_at_for_another_queue() -> None:
    async def script(stage: Stage) -> None:
        lines: list[Any] = []
        waiting = stage.it.services.waiting
        look = waiting.waiting_in
        clients = await asyncio.gather(*(stage.connect() for _ in range(1_000)))
        body = {"queue": "crowded", "wait_ms": LONG_MS}
        for client in clients:
            await client.send(a_request("POST", "jobs/claim", body, stage.key))
        await stage.until(lambda: stage.count("crowded") == 1_000)

        def looked(line: Any) -> Any:
            lines.append(line)
            return look(line)

        waiting.waiting_in = looked  # type: ignore[method-assign]
        await asyncio.gather(*(stage.enqueue("other") for _ in range(20)))

        assert set(lines) <= {(stage.org, "other")}
        waiting.waiting_in = look  # type: ignore[method-assign]
        job_id = await stage.enqueue("crowded")
        assert await given(clients[0]) == [job_id]
        assert stage.count("crowded") == 999

    play(script)
