"""Payloads that no gRPC client can read. Contract: grpc, section 4, and amendment 3."""

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.queues.records import Admission
from tests.factories import a_job
from tests.wire.grpc.stage import Stage, play, refusal

DEEP = b'{"a":' * 34 + b"1" + b"}" * 34
WHY = "nested 34 levels deep; gRPC clients read 33"


async def a_deep_one(stage: Stage, *, max_retries: int = 3) -> str:
    """As it comes over REST."""
    job = a_job(payload=DEEP, max_retries=max_retries)
    stored = await stage.db.write(enqueue, stage.org, job, Admission(), ALL_QUEUES)
    return str(stored.row["id"])


async def assert_failed(stage: Stage, job_id: str, status: str = "pending") -> None:
    row = await stage.row(job_id)
    assert (row["status"], row["last_error"], row["lease_id"]) == (status, WHY, None)


def test_a_payload_that_is_too_deep_does_not_spoil_a_batch() -> None:
    async def script(stage: Stage) -> None:
        before = [await stage.client.enqueue(payload={"n": n}) for n in range(5)]
        deep = await a_deep_one(stage)
        behind = [await stage.client.enqueue(payload={"n": n}) for n in range(5)]

        jobs = await stage.client.dequeue(batch_size=20)

        assert [job.id for job in jobs] == before + behind
        await assert_failed(stage, deep)

    play(script)


def test_one_that_is_too_deep_is_failed_by_the_usual_rule_of_retries() -> None:
    async def script(stage: Stage) -> None:
        deep = await a_deep_one(stage, max_retries=1)

        assert await stage.client.dequeue() == []
        await assert_failed(stage, deep)
        assert (await stage.row(deep))["retry_count"] == 1
        assert await stage.client.dequeue() == []  # its backoff is not over
        stage.clock.advance(seconds=3_600)
        assert await stage.client.dequeue() == []

        await assert_failed(stage, deep, "deadletter")

    play(script)


def test_a_worker_over_rest_may_still_take_it() -> None:
    async def script(stage: Stage) -> None:
        deep = await a_deep_one(stage)
        assert await stage.client.dequeue() == []
        stage.clock.advance(seconds=3_600)

        wanted = Claim(queue_name="emails", worker_id="rest", limit=1, lease_ms=60_000)
        [job] = await stage.db.write(claim, stage.org, wanted)

        assert (job["id"], job["payload"]) == (deep, DEEP)

    play(script)


def test_a_stream_of_jobs_goes_on_with_the_next_one() -> None:
    async def script(stage: Stage) -> None:
        deep = await a_deep_one(stage)
        good = await stage.client.enqueue()

        stream = stage.client.stream_jobs()

        assert (await stream.read()).id == good
        await assert_failed(stage, deep)

    play(script)


@pytest.mark.parametrize("is_parked", [False, True])
def test_a_dequeue_of_a_conversation_waits_for_one_that_can_be_read(is_parked: bool) -> None:
    async def script(stage: Stage) -> None:
        deep = "" if is_parked else await a_deep_one(stage)
        stream = stage.client.process_jobs()
        asked = pb.DequeueRequest(queue_name="emails", worker_id="w-1", batch_size=1)
        await stream.write(pb.ProcessRequest(dequeue=asked))
        await stage.until(lambda: stage.count() == 1)
        if is_parked:
            deep = await a_deep_one(stage)
            await stage.until_status(deep, "pending")

        good = await stage.client.enqueue()

        assert (await stream.read()).job.id == good
        await assert_failed(stage, deep)

    play(script)


def test_asking_for_it_says_why_it_is_not_shown() -> None:
    async def script(stage: Stage) -> None:
        deep = await a_deep_one(stage)

        refused = await refusal(stage.client.call("GetJob", pb.GetJobRequest(job_id=deep)))

        assert (refused.code, refused.text) == ("FAILED_PRECONDITION", WHY)

    play(script)


def test_a_result_that_is_too_deep_is_not_shown_either() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        await stage.client.dequeue()
        await stage.db.write(
            lambda tx: tx.execute("UPDATE jobs SET result = :result", {"result": DEEP})
        )

        refused = await refusal(stage.client.call("GetJob", pb.GetJobRequest(job_id=job_id)))

        assert (refused.code, refused.text) == ("FAILED_PRECONDITION", WHY)

    play(script)
