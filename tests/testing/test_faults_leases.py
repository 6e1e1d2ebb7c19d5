"""Leases that end in the commit that gives or renews them. Two live leases never exist."""

from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from tests.testing.stage import Stage, play
from tests.testing.test_faults_grpc import Caller, calling, until

CLAIM: Final = "POST /api/v1/jobs/claim"
REDELIVER: Final = {"redeliver": True}
EXPIRE: Final = {"expire_lease": True}


async def attempts(stage: Stage, job_id: str) -> tuple[str, int]:
    job = await stage.get(f"jobs/{job_id}")
    return job["status"], job["retry_count"]


async def complete(stage: Stage, job: dict[str, Any], status: int) -> Any:
    body = {"worker_id": "by hand", "lease_id": job["lease_id"]}
    return await stage.post(f"jobs/{job['id']}/complete", body, status=status)


@pytest.mark.parametrize("path", ["jobs/claim", "jobs/dequeue"])
@pytest.mark.parametrize(("do", "retry_count"), [(REDELIVER, 0), (EXPIRE, 1)])
def test_a_claim_is_answered_and_its_lease_is_over(
    path: str, do: dict[str, Any], retry_count: int
) -> None:
    async def claim(stage: Stage) -> Any:
        body = {"queue_name": "emails", "worker_id": "by hand"}
        answer = await stage.api.post(path, json=body)
        found = answer.json()
        return answer, (found["jobs"][0] if "jobs" in found else found)

    async def script(stage: Stage) -> None:
        route = f"POST /api/v1/{path}"
        made = await stage.post("test/faults", {"on": {"route": route}, "do": do, "times": 1})
        await stage.claim()  # finds nothing, and is not counted
        job_id = await stage.job()

        answer, first = await claim(stage)
        assert first["id"] == job_id
        assert answer.headers["X-Spooled-Fault"] == made["id"]
        assert await attempts(stage, job_id) == ("pending", retry_count)
        answer, second = await claim(stage)
        assert "X-Spooled-Fault" not in answer.headers
        assert second["id"] == job_id
        assert second["lease_id"] != first["lease_id"]
        assert (await complete(stage, first, 409))["code"] == "LEASE_EXPIRED"
        await complete(stage, second, 200)
        [rule] = (await stage.get("test/faults"))["faults"]
        assert (rule["seen"], rule["struck"]) == (1, 1)
        told = (await stage.get("test/journal?kind=fault"))["lines"]
        assert [(each["id"], each["what"]) for each in told] == [(made["id"], route)]

    play(script)


def test_a_renewal_is_answered_and_the_lease_is_over() -> None:
    async def script(stage: Stage) -> None:
        for path in ("heartbeat", "renew-lease"):
            route = f"POST /api/v1/jobs/{{id}}/{path}"
            job_id = await stage.job()
            on = {"route": route, "job_id": job_id, "queue": "emails", "worker_id": "by hand"}
            await stage.post("test/faults", {"on": on, "do": EXPIRE, "times": 1})
            [job] = await stage.claim()
            body = {"worker_id": "by hand", "lease_id": job["lease_id"]}
            await stage.post(f"jobs/{job_id}/{path}", body, status=200)
            assert await attempts(stage, job_id) == ("pending", 1)
            await complete(stage, job, 409)
            [again] = await stage.claim()
            await complete(stage, again, 200)

    play(script)


def test_the_last_attempt_that_is_lost_makes_a_dead_letter() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.job(max_retries=1)
        await stage.post("test/faults", {"on": {"route": CLAIM}, "do": EXPIRE})
        for _ in range(2):
            assert len(await stage.claim()) == 1
        assert await attempts(stage, job_id) == ("deadletter", 1)

    play(script)


@pytest.mark.parametrize(
    ("on", "is_struck"),
    [
        ({"queue": "emails", "worker_id": "by hand", "body": {"limit": 2}}, True),
        ({"queue": "others"}, False),
        ({"worker_id": "other"}, False),
        ({"body": {"limit": 3}}, False),
        ({"key_id": "none"}, False),
        ({"job_id": "none"}, False),
    ],
)
def test_which_claims_a_rule_strikes(on: dict[str, Any], is_struck: bool) -> None:
    async def script(stage: Stage) -> None:
        await stage.post("test/faults", {"on": {"route": CLAIM, **on}, "do": REDELIVER})
        ids = [await stage.job(), await stage.job()]
        assert len(await stage.claim(limit=2)) == 2
        found = {(await attempts(stage, each))[0] for each in ids}
        assert found == {"pending" if is_struck else "processing"}

    play(script)


def test_one_job_of_a_claim_can_be_lost_alone() -> None:
    async def script(stage: Stage) -> None:
        first, second = await stage.job(), await stage.job()
        on = {"route": CLAIM, "job_id": second}
        await stage.post("test/faults", {"on": on, "do": EXPIRE})
        await stage.claim(limit=2)
        assert await attempts(stage, first) == ("processing", 0)
        assert await attempts(stage, second) == ("pending", 1)

    play(script)


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with calling() as it:
        yield it


@pytest.mark.parametrize(("do", "retry_count"), [(REDELIVER, 0), (EXPIRE, 1)])
@pytest.mark.parametrize("method", ["Dequeue", "StreamJobs", "ProcessJobs"])
def test_what_is_handed_out_over_grpc_is_handed_out_again(
    caller: Caller, method: str, do: dict[str, Any], retry_count: int
) -> None:
    queue = f"{method}-{retry_count}"
    leases: list[str] = []
    asked = pb.DequeueRequest(queue_name=queue, worker_id="w", lease_duration_secs=60)
    on = {"rpc": f"QueueService/{method}", "queue": queue, "worker_id": "w"}
    caller.fault(on, do, times=1)
    job_id = caller.enqueue(queue)
    if method == "Dequeue":
        for _ in range(2):
            [job] = caller.call("Dequeue", asked).jobs
            leases.append(job.lease_id)
    elif method == "StreamJobs":
        wanted = pb.StreamJobsRequest(queue_name=queue, worker_id="w", lease_duration_secs=60)
        stream = caller.call("StreamJobs", wanted)
        leases += [next(stream).lease_id, next(stream).lease_id]
        stream.cancel()
    else:
        requests = iter([pb.ProcessRequest(dequeue=asked)] * 2)
        leases += [each.job.lease_id for each in caller.call("ProcessJobs", requests)]
    assert len(set(leases)) == 2
    assert caller.server.call("GET", f"jobs/{job_id}")["retry_count"] == retry_count
    done = pb.CompleteRequest(job_id=job_id, worker_id="w", lease_id=leases[0])
    assert caller.refusal("Complete", done)[0] is grpc.StatusCode.FAILED_PRECONDITION


def test_a_renewal_in_a_stream_ends_the_lease(caller: Caller) -> None:
    job_id = caller.enqueue("renewed")
    [job] = caller.call("Dequeue", pb.DequeueRequest(queue_name="renewed", worker_id="w")).jobs
    for method in ("ProcessJobs", "RenewLease"):
        caller.fault({"rpc": f"QueueService/{method}", "job_id": job_id}, EXPIRE, times=1)
    held = {"job_id": job_id, "worker_id": "w", "lease_id": job.lease_id}
    renew = pb.RenewLeaseRequest(**held, extension_secs=60)
    answers = list(
        caller.call(
            "ProcessJobs",
            iter(
                [
                    pb.ProcessRequest(complete=pb.CompleteRequest(job_id="none", worker_id="w")),
                    pb.ProcessRequest(renew_lease=renew),
                    pb.ProcessRequest(complete=pb.CompleteRequest(**held)),
                ]
            ),
        )
    )
    assert [each.WhichOneof("response") for each in answers] == ["error", "renew_lease", "error"]
    assert answers[1].renew_lease.success
    [job] = caller.call("Dequeue", pb.DequeueRequest(queue_name="renewed", worker_id="w")).jobs
    renew.lease_id = job.lease_id
    assert caller.call("RenewLease", renew).success
    assert caller.server.call("GET", f"jobs/{job_id}")["retry_count"] == 2


def test_a_claim_that_waits_is_struck_by_a_rule_that_comes_later(caller: Caller) -> None:
    wanted = pb.StreamJobsRequest(queue_name="later", worker_id="w", lease_duration_secs=60)
    stream = caller.call("StreamJobs", wanted)
    waiting = caller.server.world.app.services.waiting
    until(lambda: waiting.count() > 0)
    caller.fault({"rpc": "QueueService/StreamJobs", "queue": "later"}, REDELIVER, times=1)
    job_id = caller.enqueue("later")
    assert [next(stream).id, next(stream).id] == [job_id, job_id]
    stream.cancel()
