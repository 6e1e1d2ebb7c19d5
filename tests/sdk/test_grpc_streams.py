"""The official client's streams: jobs that come by themselves, and a talk in both directions."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from spooled.grpc import SpooledGrpcClient
from spooled.grpc.client import (
    GrpcCompleteRequest,
    GrpcDequeueRequest,
    GrpcFailRequest,
    GrpcJob,
    GrpcRenewLeaseRequest,
    ProcessRequest,
    ProcessResponse,
)

from tests.sdk.test_grpc import a_client
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def client(grpc_server: ServerProcess) -> Iterator[SpooledGrpcClient]:
    it = a_client(grpc_server)
    yield it
    it.close()


def lease(job: GrpcJob) -> str:
    assert job.lease_id is not None
    return job.lease_id


def test_jobs_come_one_by_one_as_they_are_settled(client: SpooledGrpcClient, queue: str) -> None:
    ids = [client.queue.enqueue(queue, {"n": n}).job_id for n in range(5)]
    stream = client.queue.stream_jobs(queue, "w-1", lease_duration_secs=60)
    seen = []

    for job in stream:
        seen.append((job.id, job.payload["n"]))
        client.queue.complete(job.id, "w-1", {"done": True}, lease_id=lease(job))
        if len(seen) == len(ids):
            break
    stream.cancel()

    assert seen == [(job_id, n) for n, job_id in enumerate(ids)]


def test_a_stream_that_waits_is_woken_by_a_job(client: SpooledGrpcClient, queue: str) -> None:
    stream = client.queue.stream_jobs(queue, "w-1")
    threading.Timer(0.2, client.queue.enqueue, (queue, {"late": True})).start()

    job = next(stream)

    assert job.payload == {"late": True}
    stream.cancel()


def test_a_job_that_failed_comes_again_after_its_backoff(
    client: SpooledGrpcClient, queue: str
) -> None:
    client.queue.enqueue(queue, {})
    stream = client.queue.stream_jobs(queue, "w-1")
    first = next(stream)

    client.queue.fail(first.id, "w-1", "boom", lease_id=lease(first))
    second = next(stream)

    assert (second.id, second.retry_count, second.last_error) == (first.id, 1, "boom")
    assert second.lease_id != first.lease_id
    stream.cancel()


def test_two_streams_never_have_the_same_job(client: SpooledGrpcClient, queue: str) -> None:
    count = 40
    taken: list[str] = []

    def work(worker_id: str) -> None:
        stream = client.queue.stream_jobs(queue, worker_id)
        for job in stream:
            if job.payload.get("stop"):
                client.queue.complete(job.id, worker_id, lease_id=lease(job))
                break
            taken.append(job.id)
            client.queue.complete(job.id, worker_id, lease_id=lease(job))
        stream.cancel()

    workers = [threading.Thread(target=work, args=(f"w-{n}",)) for n in range(4)]
    for each in workers:
        each.start()
    ids = [client.queue.enqueue(queue, {}).job_id for _ in range(count)]
    for _ in workers:
        client.queue.enqueue(queue, {"stop": True}, priority=-1)
    for each in workers:
        each.join(30)

    assert sorted(taken) == sorted(ids)


def test_a_talk_in_both_directions(client: SpooledGrpcClient, queue: str) -> None:
    for n in range(4):
        client.queue.enqueue(queue, {"n": n}, max_retries=1)
    stream = client.queue.process_jobs()
    ask = GrpcDequeueRequest(queue_name=queue, worker_id="w-1", batch_size=4)
    stream.send(ProcessRequest(dequeue=ask))
    answers = stream.receive()
    jobs = [job_of(next(answers)) for _ in range(4)]
    held: list[dict[str, Any]] = [
        {"job_id": job.id, "worker_id": "w-1", "lease_id": lease(job)} for job in jobs
    ]

    for request in (
        ProcessRequest(complete=GrpcCompleteRequest(**held[0], result={"ok": True})),
        ProcessRequest(fail=GrpcFailRequest(**held[1], error="boom")),
        ProcessRequest(fail=GrpcFailRequest(**held[2], error="boom", retry=False)),
        ProcessRequest(renew_lease=GrpcRenewLeaseRequest(**held[3], extension_secs=60)),
        ProcessRequest(complete=GrpcCompleteRequest(**{**held[3], "lease_id": "another"})),
        ProcessRequest(complete=GrpcCompleteRequest(**held[0])),
    ):
        stream.send(request)
    completed, retried, buried, renewed, lost, again = (next(answers) for _ in range(6))

    assert [job.payload["n"] for job in jobs] == [0, 1, 2, 3]
    assert completed.complete is not None
    assert completed.complete.success
    assert retried.fail is not None
    assert (retried.fail.will_retry, retried.fail.next_retry_delay_secs) == (True, 1)
    assert buried.fail is not None
    assert not buried.fail.will_retry
    assert renewed.renew_lease is not None
    assert renewed.renew_lease.success
    assert lost.error_code == "LEASE_EXPIRED"
    assert (again.error_code, "already completed" in (again.error or "")) == ("CONFLICT", True)
    stream.end()
    assert list(answers) == []


def job_of(answer: ProcessResponse) -> GrpcJob:
    assert answer.job is not None, answer
    return answer.job


def test_a_dequeue_waits_for_its_job(client: SpooledGrpcClient, queue: str) -> None:
    stream = client.queue.process_jobs()
    ask = GrpcDequeueRequest(queue_name=queue, worker_id="w-1")
    stream.send(ProcessRequest(dequeue=ask))
    threading.Timer(0.2, client.queue.enqueue, (queue, {"late": True})).start()

    answer = next(stream.receive())

    assert job_of(answer).payload == {"late": True}
    stream.cancel()
