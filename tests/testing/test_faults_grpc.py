"""Faults on request over gRPC: calls and streams, with the statuses that clients really see."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
import pytest
from grpc import StatusCode
from msgspec import Struct
from spooled.grpc.stubs import spooled_pb2 as pb
from spooled.grpc.stubs.spooled_pb2_grpc import QueueServiceStub, WorkerServiceStub

from tests.testing.served import Served, served

SECONDS_MAX: Final = 30.0
FAR_MS: Final = 600_000
ENQUEUE: Final = "QueueService/Enqueue"
STATUS: Final = {
    "overloaded": StatusCode.UNAVAILABLE,
    "storage_full": StatusCode.UNAVAILABLE,
    "storage_error": StatusCode.UNAVAILABLE,
    "shutting_down": StatusCode.UNAVAILABLE,
    "rate_limited": StatusCode.RESOURCE_EXHAUSTED,
    "lease_expired": StatusCode.FAILED_PRECONDITION,
    "unauthorized": StatusCode.UNAUTHENTICATED,
    "internal": StatusCode.INTERNAL,
}


class Caller(Struct, frozen=True):
    server: Served
    queue: Any
    workers: Any
    shown: tuple[tuple[str, str], ...]

    def call(self, method: str, request: Any, *, timeout: float = SECONDS_MAX) -> Any:
        stub = self.queue if hasattr(self.queue, method) else self.workers
        return getattr(stub, method)(request, metadata=self.shown, timeout=timeout)

    def enqueue(self, queue_name: str = "emails", **fields: Any) -> str:
        asked = pb.EnqueueRequest(queue_name=queue_name, **fields)
        return str(self.call("Enqueue", asked).job_id)

    def refusal(self, method: str, request: Any, **options: Any) -> tuple[StatusCode, str]:
        with pytest.raises(grpc.RpcError) as raised:
            list(self.call(method, request, **options))  # of a stream
        error: Any = raised.value
        return error.code(), error.details()

    def fault(self, on: dict[str, Any], do: dict[str, Any], **more: Any) -> str:
        made = self.server.call("POST", "test/faults", {"on": on, "do": do, **more})
        return str(made["id"])

    def count(self) -> int:
        return len(self.server.call("GET", "jobs"))


def until(holds: Callable[[], Any]) -> None:
    """Look until it holds: what is looked at tells nobody."""
    ends, look = time.monotonic() + SECONDS_MAX, threading.Event()
    while not holds():
        assert time.monotonic() < ends
        look.wait(0.005)


@contextmanager
def calling() -> Iterator[Caller]:
    with (
        served(grpc_port="auto") as server,
        grpc.insecure_channel(server.grpc_address or "") as channel,
    ):
        queue: Any = QueueServiceStub(channel)  # type: ignore[no-untyped-call]
        workers: Any = WorkerServiceStub(channel)  # type: ignore[no-untyped-call]
        yield Caller(server, queue, workers, (("x-api-key", server.key), ("x-tenant", "a")))


def test_a_call_is_refused_delayed_or_cut() -> None:
    asked = pb.EnqueueRequest(queue_name="emails")
    on = {"rpc": ENQUEUE}
    with calling() as it:
        for name, status in STATUS.items():
            it.fault(on, {"error": {"as": name}}, times=1)
            assert it.refusal("Enqueue", asked)[0] is status, name
        it.fault(on, {"drop": "before"}, times=1)
        assert it.refusal("Enqueue", asked) == (StatusCode.UNAVAILABLE, "Socket closed")
        it.fault(on, {"hang_ms": 20}, times=1)
        assert it.refusal("Enqueue", asked)[0] is StatusCode.UNAVAILABLE
        it.fault(on, {"hang_ms": FAR_MS}, times=1)
        assert it.refusal("Enqueue", asked, timeout=0.2)[0] is StatusCode.DEADLINE_EXCEEDED
        assert it.count() == 0, "nothing was done"

        it.fault(on, {"drop": "after_commit"}, times=1)
        assert it.refusal("Enqueue", asked)[0] is StatusCode.UNAVAILABLE
        assert it.count() == 1, "everything was done"

        for where in ("handler", "answer"):
            it.fault(on, {"latency_ms": 30, "where": where}, times=1)
            began = time.monotonic()
            it.enqueue()
            assert time.monotonic() - began >= 0.03
        it.enqueue()
        told = it.server.call("GET", "test/journal?kind=fault")["lines"]
        assert [each["what"] for each in told] == [ENQUEUE] * (len(STATUS) + 6)


@pytest.mark.parametrize(
    ("on", "is_struck"),
    [
        ({}, True),
        ({"queue": "emails"}, True),
        ({"queue": "charges"}, False),
        ({"worker_id": "w"}, True),
        ({"worker_id": "v"}, False),
        ({"job_id": "none"}, False),
        ({"key_id": "none"}, False),
        ({"headers": {"X-Tenant": "a"}}, True),
        ({"headers": {"X-Tenant": "b"}}, False),
        ({"body": {"batch_size": 3}}, True),
        ({"body": {"batch_size": 4}}, False),
    ],
)
def test_a_rule_is_for_what_the_request_says(
    caller: Caller, on: dict[str, Any], is_struck: bool
) -> None:
    caller.server.call("DELETE", "test/faults")
    caller.fault({"rpc": "QueueService/Dequeue", **on}, {"error": {"as": "internal"}})
    asked = pb.DequeueRequest(queue_name="emails", worker_id="w", batch_size=3)
    if is_struck:
        assert caller.refusal("Dequeue", asked)[0] is StatusCode.INTERNAL
    else:
        caller.call("Dequeue", asked)


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with calling() as it:
        yield it


def test_the_payload_and_the_queue_of_a_job_are_known(caller: Caller) -> None:
    caller.server.call("DELETE", "test/faults")
    caller.fault(
        {"rpc": "*", "body": {"payload": {"order": 1}}}, {"error": {"as": "internal"}}, times=1
    )
    asked = pb.EnqueueRequest(queue_name="charges")
    asked.payload.update({"order": 2})
    caller.call("Enqueue", asked)
    asked.payload.update({"order": 1})
    assert caller.refusal("Enqueue", asked)[0] is StatusCode.INTERNAL

    job_id = caller.enqueue("charges")
    caller.fault({"rpc": "*", "queue": "charges", "job_id": job_id}, {"error": {"as": "internal"}})
    assert caller.refusal("GetJob", pb.GetJobRequest(job_id=job_id))[0] is StatusCode.INTERNAL
    caller.server.call("DELETE", "test/faults")


def test_a_stream_is_refused_or_cut_before_it_hands_out_and_after(caller: Caller) -> None:
    caller.server.call("DELETE", "test/faults")
    on = {"rpc": "QueueService/StreamJobs"}
    asked = pb.StreamJobsRequest(queue_name="streamed", worker_id="w", lease_duration_secs=30)
    job_id = caller.enqueue("streamed")

    def status() -> str:
        return str(caller.server.call("GET", f"jobs/{job_id}")["status"])

    for do, code in (
        ({"error": {"as": "unauthorized"}}, StatusCode.UNAUTHENTICATED),
        ({"drop": "before"}, StatusCode.UNAVAILABLE),
        ({"hang_ms": 20}, StatusCode.UNAVAILABLE),
    ):
        caller.fault(on, do, times=1)
        assert caller.refusal("StreamJobs", asked)[0] is code
    assert status() == "pending"
    caller.fault(on, {"drop": "after_commit"}, times=1)
    assert caller.refusal("StreamJobs", asked) == (StatusCode.UNAVAILABLE, "Socket closed")
    assert status() == "processing", "it was handed out, and nobody has it"


def test_a_stream_of_requests_loses_the_acknowledgement_of_one_that_was_done(
    caller: Caller,
) -> None:
    caller.server.call("DELETE", "test/faults")
    job_id = caller.enqueue("lost")
    [job] = caller.call("Dequeue", pb.DequeueRequest(queue_name="lost", worker_id="w")).jobs
    caller.fault({"rpc": "QueueService/ProcessJobs"}, {"drop": "after_commit"}, times=1)
    done = pb.CompleteRequest(job_id=job_id, worker_id="w", lease_id=job.lease_id)
    with pytest.raises(grpc.RpcError) as raised:
        list(caller.call("ProcessJobs", iter([pb.ProcessRequest(complete=done)])))
    error: Any = raised.value
    assert error.code() is StatusCode.UNAVAILABLE
    assert caller.server.call("GET", f"jobs/{job_id}")["status"] == "completed"
