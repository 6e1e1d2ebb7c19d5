"""What is known of an HTTP request before its handler runs."""

from typing import Any, Final

import msgspec
from starlette.types import Message

from spooled_lite.testing import statements
from spooled_lite.testing.faults.checks import ANY_ROUTE
from spooled_lite.testing.faults.shapes import On
from spooled_lite.wire.http.body import read_body
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.dispatch import API_PREFIX

_JOBS: Final = f" {API_PREFIX}/jobs/{{id}}"
_WORKERS: Final = f" {API_PREFIX}/workers/{{id}}"
_QUEUES: Final = f"{API_PREFIX}/queues/{{name}}"
_EVENTS: Final = f" {API_PREFIX}/events"


class HttpFacts:
    """Looked up when a rule asks for it, and once."""

    def __init__(self, route: str, call: Call) -> None:
        self._route = route
        self._call = call
        self._body: dict[str, Any] | None = None  # None: not read yet
        self._queue: str | None = None

    async def hold(self, on: On) -> bool:
        """Raises: as `read_body`, when a rule asks for the body."""
        if on.route not in (ANY_ROUTE, self._route):
            return False
        caller, headers = self._call.caller, self._call.headers
        if on.key_id is not None and (caller is None or caller.key_id != on.key_id):
            return False
        for name, value in (on.headers or {}).items():
            if headers.get(name.lower().encode()) != value.encode():
                return False
        return (
            (on.job_id is None or await self._job_id() == on.job_id)
            and (on.worker_id is None or await self._worker_id() == on.worker_id)
            and (on.body is None or is_within(on.body, await self._json()))
            and (on.queue is None or await self._queue_name() == on.queue)
        )

    async def _job_id(self) -> object:
        if _JOBS in self._route:
            return self._call.path("id")
        if self._route.endswith(f"{_EVENTS}/jobs/{{id}}"):
            return self._call.path("id")
        return (await self._json()).get("job_id")

    async def _worker_id(self) -> object:
        if _WORKERS in self._route:
            return self._call.path("id")
        return (await self._json()).get("worker_id")

    async def _queue_name(self) -> object:
        if _QUEUES in self._route or self._route.endswith(f"{_EVENTS}/queues/{{name}}"):
            return self._call.path("name")
        said = (await self._json()).get("queue_name")
        if said is not None:
            return said
        job_id = await self._job_id()
        if self._queue is None and isinstance(job_id, str):
            wanted = {"org": self._call.org, "id": job_id}
            self._queue = await self._call.reads.read(
                lambda tx: tx.value(statements.QUEUE_OF_JOB, wanted)
            )
        return self._queue

    async def _json(self) -> dict[str, Any]:
        """The body, where it is an object; the handler reads it once more."""
        if self._body is None:
            call = self._call
            raw = await read_body(call.receive, call.headers.get(b"content-length"))
            rest, messages = call.receive, [{"type": "http.request", "body": raw}]

            async def receive() -> Message:
                return messages.pop() if messages else await rest()

            call.receive = receive
            self._body = _object(raw)
        return self._body


def is_within(wanted: Any, found: Any) -> bool:
    """Whether what is wanted is there: of objects the members that are named."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and is_within(value, found[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return bool(wanted == found)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}  # the handler refuses it
    return found if isinstance(found, dict) else {}
