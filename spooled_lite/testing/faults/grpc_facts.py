"""What is known of a call or stream over gRPC before it is served. Loads nothing of the library."""

from typing import TYPE_CHECKING, Any

import msgspec

from spooled_lite.errors import RuleBroken
from spooled_lite.testing.faults.facts import RequestFacts
from spooled_lite.testing.faults.names import ANY, JOB_STREAMS, RPC_NAMES
from spooled_lite.testing.faults.shapes import On
from spooled_lite.wire.grpc.json_structs import json_of

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.call import Call


class GrpcFacts(RequestFacts):
    def __init__(self, name: str, call: "Call") -> None:
        """`name` is that of the method, without its service."""
        super().__init__(call.caller, call.reads)
        self._name = name
        self._rpc = RPC_NAMES[name]
        self._call = call
        self._request: Any = call.request  # None: the stream reads its requests itself

    def is_for(self, on: On) -> bool:
        if on.stream is not None:
            return on.stream == "grpc" and self._name in JOB_STREAMS
        return on.rpc in (ANY, self._rpc)

    def header(self, name: str) -> bytes | None:
        return self._call.headers.get(name.lower().encode())

    async def job_id(self) -> object:
        return self._named("job_id")

    async def worker_id(self) -> object:
        return self._named("worker_id")

    async def named_queue(self) -> object:
        return self._named("queue_name")

    async def json(self) -> dict[str, Any]:
        return {} if self._request is None else object_of(self._request)

    def _named(self, name: str) -> object:
        return getattr(self._request, name, None)


def object_of(message: Any) -> dict[str, Any]:
    """A message as a JSON object, with the fields that are set; without times and lists."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if isinstance(value, bytes):  # a Struct, which our classes leave as it came
            try:
                found[field.name] = msgspec.json.decode(json_of(value, field.name))
            except RuleBroken:
                continue  # the handler refuses it
        elif isinstance(value, str | int | float | bool):
            found[field.name] = value
        elif hasattr(value, "items"):
            found[field.name] = dict(value.items())
    return found
