"""Over gRPC too a cut before stores nothing, and a cut after the commit everything."""

import asyncio
from typing import Any, Final

import grpc
import pytest
from spooled.grpc.stubs import spooled_pb2 as pb
from spooled.grpc.stubs.spooled_pb2_grpc import QueueServiceStub, WorkerServiceStub

from spooled_lite.serving import serving
from spooled_lite.testing.faults.names import JOB_STREAMS, RPC_NAMES
from tests.testing.park import Seat, opened
from tests.testing.test_faults_stored import SECONDS_MAX, compared, prepared

READS: Final = {"GetJob", "GetQueueStats"}


def messages(of: dict[str, str]) -> dict[str, Any]:
    """A request for each method that stores something."""
    held: dict[str, Any] = {"worker_id": "w", "job_id": of["held"], "lease_id": of["lease"]}
    return {
        "Enqueue": pb.EnqueueRequest(queue_name="emails"),
        "Dequeue": pb.DequeueRequest(queue_name="emails", worker_id="w"),
        "Complete": pb.CompleteRequest(**held),
        "Fail": pb.FailRequest(**held, error="x"),
        "RenewLease": pb.RenewLeaseRequest(**held, extension_secs=90),
        "StreamJobs": pb.StreamJobsRequest(queue_name="emails", worker_id="w"),
        "ProcessJobs": [pb.ProcessRequest(complete=pb.CompleteRequest(**held))],
        "Register": pb.RegisterWorkerRequest(queue_name="a", hostname="b", worker_type="c"),
        "Heartbeat": pb.HeartbeatRequest(worker_id="w", current_jobs=2, status="degraded"),
        "Deregister": pb.DeregisterRequest(worker_id="w"),
    }


async def is_call_cut(channel: Any, seat: Seat, method: str, message: Any) -> bool:
    stubs: Any = (QueueServiceStub(channel), WorkerServiceStub(channel))  # type: ignore[no-untyped-call]
    stub = next(each for each in stubs if hasattr(each, method))
    call = getattr(stub, method)(message, metadata=(("x-api-key", seat.about["api_key"]),))
    try:
        if method in JOB_STREAMS:
            await call.read()
            call.cancel()
        else:
            await call
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return True
    return False


@pytest.mark.slow  # thirty forks
def test_every_storing_call_stores_nothing_before_and_everything_after_the_commit() -> None:
    async def main() -> list[str | None]:
        async with (
            asyncio.timeout(SECONDS_MAX),
            opened(grpc_port="auto") as park,
            serving(
                park.worlds.front,
                asgi=park.worlds.router,
                find=park.worlds.router.find,
                current=park.worlds.current,
            ) as server,
            grpc.aio.insecure_channel(server.grpc_address or "") as channel,
        ):
            of = await prepared(park.root)
            assert messages(of).keys() == RPC_NAMES.keys() - READS
            found = []
            for method, message in messages(of).items():

                async def send(
                    seat: Seat, _: Any, method: str = method, message: Any = message
                ) -> bool:
                    return await is_call_cut(channel, seat, method, message)

                found.append(await compared(park, {"rpc": RPC_NAMES[method]}, nothing, send))
            return found

    async def nothing(seat: Seat) -> None:
        pass

    assert [each for each in asyncio.run(main()) if each is not None] == []
