"""Open streams over gRPC as faults see them: cut, ended as they really end, or silent."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from spooled_lite.errors import SpooledError, Unauthorized, Unavailable
from spooled_lite.testing.faults.pauses import silence
from spooled_lite.testing.faults.rules import Faults

if TYPE_CHECKING:
    from spooled_lite.testing.faults.grpc_facts import GrpcFacts
    from spooled_lite.testing.faults.shapes import Do, On
    from spooled_lite.wire.grpc.call import Call

# The library cannot cut the connection of one call. Clients see one that is cut with this status
# and these words.
CUT: Final = "Socket closed"
STOPPING: Final = "The server is stopping"


def cut() -> Unavailable:
    return Unavailable("overloaded", CUT)


class GrpcStream:
    """Stands between a stream and its client, as the context of its call.

    Used on the event loop's thread. A client that leaves has the call cancelled, and with it what
    waits here.
    """

    def __init__(self, faults: Faults, rpc: str, call: "Call", facts: "GrpcFacts") -> None:
        self.what = rpc
        self.is_cut_at_answer = False
        self._faults = faults
        self._call = call
        self._facts = facts
        self._inner = call.context
        self._reason: SpooledError | None = None  # why it ends as soon as it is open
        self._muted_until = 0.0  # on the loop's clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def holds(self, on: "On") -> bool:
        return await self._facts.hold(on)

    def struck(self, do: "Do") -> None:
        if do.end_stream is not None:
            self._end(Unauthorized() if do.end_stream == "revoked" else _stopping())
        elif do.mute_ms:
            self._muted_until = asyncio.get_running_loop().time() + do.mute_ms / 1000

    async def send_initial_metadata(self, metadata: Any) -> None:
        await self._inner.send_initial_metadata(metadata)
        if self._reason is not None:
            self._end(self._reason)

    async def write(self, message: bytes) -> None:
        while (left := self._muted_until - asyncio.get_running_loop().time()) > 0:
            if not await silence(self._faults, left):
                break
        if self.is_cut_at_answer:
            # What is written counts as sent: the job stays leased, the settlement is kept.
            self._end(cut())
        else:
            await self._inner.write(message)

    def _end(self, reason: SpooledError) -> None:
        if self._call.stream is None:
            self._reason = reason  # it is being opened
        else:
            self._call.stream.end(reason)


def _stopping() -> Unavailable:
    return Unavailable("shutting_down", STOPPING)
