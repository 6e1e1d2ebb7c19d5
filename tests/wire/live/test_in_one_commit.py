"""Messages to topics that belong to other operations: sent once all is committed, or never."""

from typing import Any, Final

from tests.wire.live.test_streams import listening, played, raw, sent
from tests.wire.realtime.stage import Stage

JOB: Final = {"op": "create_job", "queue_name": "emails", "payload": {}}
UNKNOWN: Final = {"op": "send", "queue_name": "unknown", "body": 1}


def notice(message: str, topic: str = "order.7") -> dict[str, Any]:
    return {"op": "notify", "topic": topic, "message": message}


async def batch(stage: Stage, *operations: Any, **headers: str) -> Any:
    with_key = {"Authorization": f"Bearer {stage.key}", **headers}
    return await stage.call(
        "POST", "/api/v1/batch", {"operations": list(operations)}, headers=with_key
    )


def test_a_message_of_a_batch_is_sent_with_what_the_batch_stores() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "order.*")

        answer = await batch(stage, notice("first"), JOB, notice("second"))

        assert answer.status == 200, answer.body
        first, job, second = answer.json["results"]
        assert (first, job["created"], second) == ({}, True, {})
        assert await raw(stream) == "event: order.7\ndata: first"
        assert await raw(stream) == "event: order.7\ndata: second"

    played(test)


def test_nothing_is_sent_of_a_batch_that_is_refused() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "order.#", "mark")

        refused = await batch(stage, notice("never"), UNKNOWN)
        assert (refused.status, refused.json["details"]["index"]) == (404, 1)
        reserved = await batch(stage, JOB, notice("never", "spooled.task.started"))
        assert (reserved.status, reserved.json["details"]["index"]) == (400, 1)

        await sent(stage, "mark")
        assert await raw(stream) == "event: mark\ndata:"

    played(test)


def test_a_batch_that_is_made_again_sends_nothing_again() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "order.#", "mark")
        key = {"Idempotency-Key": "once"}

        answers = [await batch(stage, notice("once"), JOB, **key) for _ in range(2)]

        assert answers[0].json == answers[1].json
        assert answers[1].headers["idempotency-replayed"] == "true"
        await sent(stage, "mark")
        assert await raw(stream) == "event: order.7\ndata: once"
        assert await raw(stream) == "event: mark\ndata:"

    played(test)


def test_a_message_may_be_sent_with_the_end_of_an_attempt() -> None:
    async def test(stage: Stage) -> None:
        stream = await listening(stage, "order.#", "mark")
        await stage.enqueue()
        job = await stage.claim()
        path, fence = f"/api/v1/jobs/{job['id']}/complete", {"lease_id": job["lease_id"]}

        stale = {"lease_id": "00000000-0000-4000-8000-000000000000", "then": [notice("never")]}
        assert (await stage.call("POST", path, stale)).status == 409
        failing = {**fence, "then": [notice("never"), UNKNOWN]}
        assert (await stage.call("POST", path, failing)).status == 404
        done = await stage.call("POST", path, {**fence, "then": [notice("done")]})

        assert (done.status, done.json["then"]) == (200, [{}])
        assert await raw(stream) == "event: order.7\ndata: done"

    played(test)


def test_a_key_that_is_limited_to_queues_sends_nothing_in_a_batch() -> None:
    async def test(stage: Stage) -> None:
        limited = await stage.issue(queues=("emails",))

        answer = await batch(stage, JOB, notice("x"), Authorization=f"Bearer {limited.secret}")

        assert (answer.status, answer.json["code"]) == (403, "ACCESS_DENIED")
        assert answer.json["details"]["index"] == 1

    played(test)


def test_a_hundred_messages_of_one_batch_reach_a_reader_that_keeps_up() -> None:
    """More than wait for one reader: it is given the time to read in between."""

    async def test(stage: Stage) -> None:
        stream = await listening(stage, "order.7")

        assert (await batch(stage, *(notice(str(n)) for n in range(100)))).status == 200

        for n in range(100):
            assert await raw(stream) == f"event: order.7\ndata: {n}"

    played(test)
