"""What is known of a request before its handler runs, and whether a rule is for it."""

from abc import ABC, abstractmethod
from typing import Any

from spooled_lite.storage.readers import Reads
from spooled_lite.testing import statements
from spooled_lite.testing.faults.shapes import On
from spooled_lite.wire.caller import Caller


class RequestFacts(ABC):
    """Looked up when a rule asks for it, and once."""

    def __init__(self, caller: Caller | None, reads: Reads) -> None:
        self._caller = caller
        self._reads = reads
        self._queue: str | None = None

    @abstractmethod
    def is_for(self, on: On) -> bool:
        """Whether it is this route, method or stream."""

    @abstractmethod
    def header(self, name: str) -> bytes | None: ...

    @abstractmethod
    async def json(self) -> dict[str, Any]:
        """The body, where it is an object."""

    @abstractmethod
    async def job_id(self) -> object: ...

    @abstractmethod
    async def worker_id(self) -> object: ...

    @abstractmethod
    async def named_queue(self) -> object:
        """The queue that the request names itself."""

    def is_asked_by(self, on: On) -> bool:
        """Whether all that is known without reading holds. May be called from any thread."""
        caller = self._caller
        return (
            self.is_for(on)
            and (on.key_id is None or (caller is not None and caller.key_id == on.key_id))
            and all(self.header(name) == each.encode() for name, each in (on.headers or {}).items())
        )

    async def hold(self, on: On) -> bool:
        """Raises: as `json`, when a rule asks for the body."""
        return (
            self.is_asked_by(on)
            and (on.job_id is None or await self.job_id() == on.job_id)
            and (on.worker_id is None or await self.worker_id() == on.worker_id)
            and (on.body is None or is_within(on.body, await self.json()))
            and (on.queue is None or await self._queue_name() == on.queue)
        )

    async def _queue_name(self) -> object:
        said = await self.named_queue()
        if said:
            return said
        job_id = await self.job_id()
        if self._queue is None and self._caller is not None and isinstance(job_id, str) and job_id:
            wanted = {"org": self._caller.org, "id": job_id}
            self._queue = await self._reads.read(
                lambda tx: tx.value(statements.QUEUE_OF_JOB, wanted)
            )
        return self._queue


def is_within(wanted: Any, found: Any) -> bool:
    """Whether what is wanted is there: of objects the members that are named."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and is_within(value, found[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return bool(wanted == found)
