"""A job that its workflow tells to stop, held by a worker that speaks gRPC."""

from typing import Any

import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.workflow import cancel_workflow
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows.create import create_workflow
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.records import NewStep, NewWorkflow
from tests.wire.grpc.stage import Stage, holder, play, refusal


async def a_workflow(stage: Stage) -> str:
    job = NewJob(queue_name="emails", payload=b"{}")
    steps = [NewStep(key="a", job=job)]
    new = NewWorkflow(name="w", steps=steps)
    created = await stage.db.write(create_workflow, stage.org, new, graph_of(steps), Admission())
    return str(created.row["id"])


async def stop(stage: Stage, workflow_id: str) -> None:
    await stage.db.write(cancel_workflow, stage.org, workflow_id, None, ALL_QUEUES, True)


async def told_to_stop(stage: Stage) -> pb.Job:
    workflow_id = await a_workflow(stage)
    [job] = await stage.client.dequeue()
    await stop(stage, workflow_id)
    return job


def test_a_renewal_that_names_its_lease_is_refused_and_the_job_cancelled() -> None:
    async def script(stage: Stage) -> None:
        job = await told_to_stop(stage)
        request = pb.RenewLeaseRequest(**holder(job))

        for _ in range(2):
            refused = await refusal(stage.client.call("RenewLease", request))
            assert (refused.code, refused.text) == ("FAILED_PRECONDITION", "Lease expired")
            assert await stage.status(job.id) == "cancelled"
        assert await stage.history(job.id) == ["created", "claimed", "cancelled"]

    play(script)


def test_a_renewal_that_names_none_says_no_and_the_job_is_cancelled() -> None:
    async def script(stage: Stage) -> None:
        job = await told_to_stop(stage)

        answer = await stage.client.call("RenewLease", pb.RenewLeaseRequest(job_id=job.id))

        assert not answer.success
        assert await stage.status(job.id) == "cancelled"

    play(script)


@pytest.mark.parametrize("retry", [True, False])
def test_a_failure_is_taken_and_cancels_the_job(retry: bool) -> None:
    async def script(stage: Stage) -> None:
        job = await told_to_stop(stage)

        request = pb.FailRequest(**holder(job), error="e", retry=retry)
        answer = await stage.client.call("Fail", request)

        assert answer == pb.FailResponse(success=True)
        assert await stage.status(job.id) == "cancelled"

    play(script)


def test_a_completion_is_taken() -> None:
    async def script(stage: Stage) -> None:
        job = await told_to_stop(stage)

        assert (await stage.client.complete(job)).success

        assert await stage.status(job.id) == "completed"

    play(script)


@pytest.mark.parametrize(
    ("fields", "answered"),
    [({}, ("LEASE_EXPIRED", "Lease expired")), ({"lease_id": ""}, None)],
)
def test_a_renewal_in_a_stream_is_answered_the_same_way(fields: Any, answered: Any) -> None:
    async def script(stage: Stage) -> None:
        job = await told_to_stop(stage)
        call = stage.client.process_jobs()

        renewal = pb.RenewLeaseRequest(**{**holder(job), **fields})
        await call.write(pb.ProcessRequest(renew_lease=renewal))
        answer = await call.read()

        if answered is None:
            assert answer.renew_lease == pb.RenewLeaseResponse(success=False)
        else:
            assert (answer.error.code, answer.error.message) == answered
        assert await stage.status(job.id) == "cancelled"
        await call.done_writing()

    play(script)


def test_a_stream_gets_the_next_job_when_the_one_it_holds_is_stopped() -> None:
    async def script(stage: Stage) -> None:
        workflow_id = await a_workflow(stage)
        stream = stage.client.stream_jobs()
        job = await stream.read()
        after = await stage.client.enqueue()
        await stop(stage, workflow_id)

        await refusal(stage.client.call("RenewLease", pb.RenewLeaseRequest(**holder(job))))

        assert (await stream.read()).id == after

    play(script)
