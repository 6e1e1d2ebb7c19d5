"""Payloads that stand apart from their rows, through every door that hands jobs out."""

from typing import Any

from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.storage.transaction import Tx
from tests.wire.grpc.stage import Stage, as_json, play, refusal
from tests.wire.grpc.test_process import talk

PAYLOAD = {"text": "x" * 100_000}


def spoil(tx: Tx) -> None:
    tx.execute("UPDATE job_bodies SET checksum = checksum + 1")


async def a_damaged_and_a_good_one(stage: Stage) -> tuple[str, str]:
    damaged = await stage.client.enqueue(payload=PAYLOAD, max_retries=3)
    await stage.db.write(spoil)
    return damaged, await stage.client.enqueue(payload=PAYLOAD)


def test_a_job_that_is_asked_for_has_its_payload() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue(payload=PAYLOAD)

        answer = await stage.client.call("GetJob", pb.GetJobRequest(job_id=job_id))

        assert as_json(answer.job.payload) == PAYLOAD

    play(script)


def test_a_damaged_payload_is_an_internal_error_that_says_so() -> None:
    async def script(stage: Stage) -> None:
        damaged, _ = await a_damaged_and_a_good_one(stage)

        refused = await refusal(stage.client.call("GetJob", pb.GetJobRequest(job_id=damaged)))

        assert refused.code == "INTERNAL"
        assert "The payload of this job is damaged" in refused.text

    play(script)


async def dequeued(stage: Stage) -> Any:
    [job] = await stage.client.dequeue(batch_size=10)
    return job


async def streamed(stage: Stage) -> Any:
    return await stage.client.stream_jobs().read()


async def asked_for(stage: Stage) -> Any:
    it = await talk(stage)
    await it.dequeue(batch_size=10)
    return await it.read()


def test_a_damaged_payload_is_never_handed_out_and_costs_no_other_job() -> None:
    for door in (dequeued, streamed, asked_for):

        async def script(stage: Stage, door: Any = door) -> None:
            damaged, good = await a_damaged_and_a_good_one(stage)

            job = await door(stage)

            assert (job.id, as_json(job.payload)) == (good, PAYLOAD)
            await stage.until_status(damaged, "deadletter")

        play(script)
