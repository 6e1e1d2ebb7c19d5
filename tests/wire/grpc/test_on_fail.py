"""A job that follows a failure, where both are worked on over gRPC."""

from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.policy import OnFail, OwnPolicy, stored
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.queues.records import Admission
from tests.wire.grpc.stage import Stage, as_json, holder, play


def test_a_failure_over_grpc_is_followed_by_an_object_that_every_client_reads() -> None:
    async def script(stage: Stage) -> None:
        policy = stored(OwnPolicy(on_fail=OnFail(max_retries=1)))
        new = NewJob(queue_name="emails", payload=b"[1,2]", policy=policy)
        await stage.db.write(enqueue, stage.org, new, Admission(), ALL_QUEUES)
        [job] = await stage.client.dequeue()
        await stage.client.call("Fail", pb.FailRequest(**holder(job), error="boom", retry=False))

        for attempt in (1, 2):
            [follower] = await stage.client.dequeue("emails_on_fail")
            told = as_json(follower.payload)
            assert told["input"] == [1, 2]
            assert (told["failure"]["job_id"], told["failure"]["error_message"]) == (job.id, "boom")
            assert told["failure"]["on_fail_attempts"] == attempt
            await stage.client.call("Fail", pb.FailRequest(**holder(follower), error="again"))
            stage.clock.advance(seconds=10)

        assert await stage.status(follower.id) == "deadletter"
        assert await stage.client.dequeue("emails_on_fail_on_fail") == []

    play(script)
