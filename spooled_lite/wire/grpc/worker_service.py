"""WorkerService. Contract: grpc, section 7."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.core.workers.heartbeat import heartbeat
from spooled_lite.core.workers.records import NewWorker, SignOfLife
from spooled_lite.core.workers.register import deregister, register
from spooled_lite.errors import NotFound
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.convert import new_worker, sign_of_life
from spooled_lite.wire.grpc.descriptors import spooled_class
from spooled_lite.wire.grpc.methods import MethodRow, Unary

_RegisterResponse: Final = spooled_class("RegisterWorkerResponse")
_HeartbeatResponse: Final = spooled_class("HeartbeatResponse")
_DeregisterResponse: Final = spooled_class("DeregisterResponse")


def rows() -> Mapping[str, MethodRow]:
    return {
        "Register": Unary("workers:write", _read_worker, _register),
        "Heartbeat": Unary("workers:write", _read_sign, _heartbeat),
        "Deregister": Unary("workers:write", lambda _, request: request.worker_id, _deregister),
    }


def _read_worker(call: Call, request: Any) -> NewWorker:
    return new_worker(request, max_concurrency=call.settings.worker_max_concurrency)


async def _register(call: Call, worker: NewWorker) -> bytes:
    for queue_name in worker.queue_names:
        call.scope.check(queue_name)
    arguments = (call.org, worker, admission_of(call))
    row = await call.write(register, *arguments)
    response = _RegisterResponse(
        worker_id=row["id"],
        lease_duration_secs=call.settings.worker_lease_duration_secs,
        heartbeat_interval_secs=call.settings.worker_heartbeat_interval_secs,
    )
    return bytes(response.SerializeToString())


def _read_sign(_: Call, request: Any) -> tuple[str, SignOfLife]:
    return request.worker_id, sign_of_life(request)


async def _heartbeat(call: Call, said: tuple[str, SignOfLife]) -> bytes:
    try:
        row = await call.write(heartbeat, call.org, *said, call.scope)
    except NotFound:
        return b""  # the empty message: not acknowledged
    drains = row["status"] == "draining" or call.services.state.is_stopping
    return bytes(_HeartbeatResponse(acknowledged=True, should_drain=drains).SerializeToString())


async def _deregister(call: Call, worker_id: str) -> bytes:
    arguments = (call.org, worker_id, call.scope)
    try:
        await call.write(deregister, *arguments)
    except NotFound:
        return b""  # the empty message: no success
    return bytes(_DeregisterResponse(success=True).SerializeToString())
