"""QueueService. Its streams are in deliver.py and process.py."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.core.jobs.bodies import body_bytes
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.core.queues.query import queue_depth
from spooled_lite.errors import NotFound
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.bodies import in_full
from spooled_lite.wire.grpc import methods
from spooled_lite.wire.grpc.acts import COMPLETE, FAIL, RENEW, Command, Settlement
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.convert import as_field, claim_of, job_bytes, new_job, stats_response
from spooled_lite.wire.grpc.deliver import Deliveries
from spooled_lite.wire.grpc.descriptors import spooled_class
from spooled_lite.wire.grpc.hand_out import handed_out
from spooled_lite.wire.grpc.methods import Streaming, Unary
from spooled_lite.wire.grpc.process import process_jobs
from spooled_lite.wire.grpc.streams import GrpcStreams
from spooled_lite.wire.waiting.claims import claim_now, give_back

JOB_OF_GET: Final = 1  # the number of `job` in GetJobResponse
JOBS_OF_DEQUEUE: Final = 1  # the number of `jobs` in DequeueResponse

_EnqueueResponse: Final = spooled_class("EnqueueResponse")


def rows(streams: GrpcStreams, deliveries: Deliveries) -> Mapping[str, methods.MethodRow]:
    return {
        "Enqueue": Unary("jobs:write", _read_job, _enqueue),
        "Dequeue": Unary("jobs:write", lambda _, request: claim_of(request), _dequeue),
        "Complete": _settling(COMPLETE),
        "Fail": _settling(FAIL),
        "RenewLease": _settling(RENEW),
        "GetJob": Unary("jobs:read", lambda _, request: request.job_id, _get_job),
        "GetQueueStats": Unary(
            "queues:read", lambda _, request: checked_step_queue_name(request.queue_name), _stats
        ),
        "StreamJobs": Streaming("jobs:write", deliveries.stream_jobs),
        "ProcessJobs": Streaming("jobs:write", lambda call, _: process_jobs(call, streams)),
    }


def _read_job(call: Call, request: Any) -> NewJob:
    return new_job(request, payload_bytes_max=call.settings.queue_max_payload_size_bytes)


async def _enqueue(call: Call, job: NewJob) -> bytes:
    check_payload_of_plan(call, job.payload)
    call.scope.check(job.queue_name)
    call.notes.queue, call.notes.jobs = job.queue_name, 1
    stored = await call.write(enqueue, call.org, job, admission_of(call), call.scope)
    response = _EnqueueResponse(job_id=stored.row["id"], created=stored.created)
    return bytes(response.SerializeToString())


async def _dequeue(call: Call, wanted: Claim) -> bytes:
    call.scope.check(wanted.queue_name)
    call.notes.queue = wanted.queue_name
    claimer = call.claimer
    if claimer.is_gone():
        return b""  # the deadline of the call has passed
    claimed = await claim_now(call.db, claimer, wanted)
    call.notes.jobs = len(claimed)
    try:
        handed = await handed_out(call, claimed)
    except BaseException:
        give_back(call.db, claimer, claimed)
        raise
    if handed.left:
        give_back(call.db, claimer, handed.left)
    return b"".join(as_field(JOBS_OF_DEQUEUE, message) for message in handed.messages)


def _settling(act: Settlement) -> Unary:
    async def run(call: Call, command: Command) -> bytes:
        call.notes.jobs = 1
        return await act.answer(command, act.submit(call, command))

    return Unary("jobs:write", lambda _, request: act.read(request), run, is_spared=True)


async def _get_job(call: Call, job_id: str) -> bytes:
    """The job; an empty response, and no error, when there is none. Contract: grpc, 5.7."""
    try:
        found = await call.reads.point(get_job, call.org, job_id, call.scope)
        row = await in_full(call.reads, found)
    except NotFound:
        return b""
    return as_field(JOB_OF_GET, await call.off_loop(body_bytes(row), job_bytes, row, call.org_id))


async def _stats(call: Call, queue_name: str) -> bytes:
    call.scope.check(queue_name)
    depth = await call.reads.read(queue_depth, call.org, queue_name)
    return bytes(stats_response(queue_name, depth).SerializeToString())
