"""Callers that go away in the middle of a call: nothing is lost, nothing kept from others."""

import asyncio
from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.lifecycle.claim import claim_if_still_allowed
from spooled_lite.core.lifecycle.settle import complete
from tests.wire.grpc.stage import Held, Stage, holder, play, refusal

DEQUEUE = pb.DequeueRequest(queue_name="emails", worker_id="w-1")


@pytest.mark.parametrize("leave", ["cancel", "deadline"])
def test_a_dequeue_that_is_gone_before_its_turn_claims_nothing(leave: str) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        held = await Held(stage).begun()
        timeout = {"timeout": 0.1} if leave == "deadline" else {}
        call = stage.client.start("Dequeue", DEQUEUE, **timeout)
        await held.until_waiting(claim_if_still_allowed)

        if leave == "cancel":
            call.cancel()
        code = (await call.code()).name
        await until_noticed(stage)
        held.let_go()

        assert code == ("CANCELLED" if leave == "cancel" else "DEADLINE_EXCEEDED")
        assert [job.id for job in await stage.client.dequeue()] == [job_id]
        assert await stage.history(job_id) == ["created", "claimed"]

    play(script)


async def until_noticed(stage: Stage) -> None:
    """The server knows of everything that happened to its connections until now."""
    for _ in range(3):
        await stage.client.call("GetJob", pb.GetJobRequest(job_id="none"))


@pytest.mark.parametrize("after_turns", range(4))
def test_a_dequeue_that_is_cancelled_at_any_moment_leaves_its_job_claimable(
    after_turns: int,
) -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        was_run = asyncio.Event()
        entered = stage.db.submit_claim

        def watched(operation: Any, *arguments: Any, **more: Any) -> Any:
            request = entered(operation, *arguments, **more)
            request.taker.add_done_callback(lambda _: was_run.set())
            return request

        stage.db.submit_claim = watched  # type: ignore[method-assign]
        call = stage.client.start("Dequeue", DEQUEUE)
        await was_run.wait()  # its job is claimed, and its answer not yet written
        for _ in range(after_turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({asyncio.ensure_future(call.code())})
        del stage.db.submit_claim

        code = (await call.code()).name
        if code == "CANCELLED":
            await settled_down(stage, job_id)
        else:
            assert [job.id for job in (await call).jobs] == [job_id]
        # Whoever has it or not: the lease is one, and it can be had again.
        stage.clock.advance(seconds=301)
        await stage.until_status(job_id, "pending")
        assert [job.id for job in await stage.client.dequeue()] == [job_id]

    play(script)


async def settled_down(stage: Stage, job_id: str) -> None:
    await until_noticed(stage)
    for _ in range(5):
        await stage.db.write(lambda tx: None)
    assert await stage.status(job_id) in ("pending", "processing")


def test_a_dequeue_whose_jobs_are_found_as_it_is_cancelled_gives_them_back() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        enter, told = stage.db.submit_claim, asyncio.Event()

        def watched(*arguments: Any, **more: Any) -> Any:
            request, handler = enter(*arguments, **more), asyncio.current_task()
            assert handler is not None, "a call is served by a task"

            def cancel_it(_: Any) -> None:
                handler.cancel()  # it has its jobs, and has not yet taken them
                told.set()

            request.taker.add_done_callback(cancel_it)
            return request

        stage.db.submit_claim = watched  # type: ignore[method-assign]
        call = stage.client.start("Dequeue", DEQUEUE)
        await told.wait()
        del stage.db.submit_claim

        await stage.until_status(job_id, "pending")
        assert await stage.history(job_id) == ["created", "claimed", "released"]
        assert (await stage.row(job_id))["retry_count"] == 0
        call.cancel()

    play(script)


def test_a_deadline_in_the_past_claims_nothing() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()

        refused = await refusal(stage.client.start("Dequeue", DEQUEUE, timeout=-1))

        assert refused.code == "DEADLINE_EXCEEDED"
        assert await stage.status(job_id) == "pending"
        assert [job.id for job in await stage.client.dequeue()] == [job_id]

    play(script)


def test_a_completion_is_done_although_its_caller_has_left() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.client.enqueue()
        [job] = await stage.client.dequeue()
        held = await Held(stage).begun()
        call = stage.client.start("Complete", pb.CompleteRequest(**holder(job)))
        await held.until_waiting(complete)

        call.cancel()
        await call.code()
        held.let_go()

        await stage.until_status(job_id, "completed")

    play(script)


def test_a_connection_that_breaks_gives_back_what_was_not_written() -> None:
    async def script(stage: Stage) -> None:
        client = stage.client_with(stage.key)
        stream = client.stream_jobs()
        await stage.until(lambda: stage.count() == 1)

        await client.channel.close()

        await stage.until(lambda: stage.count() == 0)
        job_id = await stage.client.enqueue()
        assert await stage.status(job_id) == "pending"
        assert stream.done()

    play(script)
