"""What is known of an HTTP request before its handler runs."""

from typing import Any, Final

import msgspec
from starlette.types import Message

from spooled_lite.testing.faults.facts import RequestFacts
from spooled_lite.testing.faults.kinds import STREAM_OF
from spooled_lite.testing.faults.names import ANY
from spooled_lite.testing.faults.shapes import On
from spooled_lite.wire.http.body import read_body
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.dispatch import API_PREFIX

_JOBS: Final = f" {API_PREFIX}/jobs/{{id}}"
_WORKERS: Final = f" {API_PREFIX}/workers/{{id}}"
_QUEUES: Final = f"{API_PREFIX}/queues/{{name}}"
_EVENTS: Final = f" {API_PREFIX}/events"


class HttpFacts(RequestFacts):
    def __init__(self, route: str, call: Call) -> None:
        super().__init__(call.caller, call.reads)
        self._route = route
        self._call = call
        self._body: dict[str, Any] | None = None  # None: not read yet

    def is_for(self, on: On) -> bool:
        if on.stream is not None:
            return on.stream == STREAM_OF.get(self._route)
        return on.route in (ANY, self._route)

    def header(self, name: str) -> bytes | None:
        return self._call.headers.get(name.lower().encode())

    async def job_id(self) -> object:
        if _JOBS in self._route:
            return self._call.path("id")
        if self._route.endswith(f"{_EVENTS}/jobs/{{id}}"):
            return self._call.path("id")
        return (await self.json()).get("job_id")

    async def worker_id(self) -> object:
        if _WORKERS in self._route:
            return self._call.path("id")
        return (await self.json()).get("worker_id")

    async def named_queue(self) -> object:
        if _QUEUES in self._route or self._route.endswith(f"{_EVENTS}/queues/{{name}}"):
            return self._call.path("name")
        body = await self.json()
        return body.get("queue_name") or body.get("queue")

    async def json(self) -> dict[str, Any]:
        """The handler reads it once more. Raises: as `read_body`."""
        if self._body is None:
            call = self._call
            if call.is_upgrade:
                return {}
            raw = await read_body(call.receive, call.headers.get(b"content-length"))
            rest, messages = call.receive, [{"type": "http.request", "body": raw}]

            async def receive() -> Message:
                return messages.pop() if messages else await rest()

            call.receive = receive
            self._body = _object(raw)
        return self._body


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}  # the handler refuses it
    return found if isinstance(found, dict) else {}
