"""Strikes calls and streams over gRPC as the rules say. Loads nothing of the library."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from spooled_lite.testing.faults.answers import refusal_of
from spooled_lite.testing.faults.grpc_facts import GrpcFacts
from spooled_lite.testing.faults.grpc_streams import GrpcStream, cut
from spooled_lite.testing.faults.kinds import LEASED
from spooled_lite.testing.faults.leases import LeaseStrikes
from spooled_lite.testing.faults.names import JOB_STREAMS, RPC_NAMES
from spooled_lite.testing.faults.pauses import pause
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.faults.shapes import Do

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.call import Call

T = TypeVar("T")


class GrpcStrikes:
    """Used on the event loop's thread. A caller that leaves has its call cancelled."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def around(self, name: str, call: "Call", handle: Callable[[], Awaitable[T]]) -> T:
        rpc = RPC_NAMES[name]
        if rpc not in LEASED and not self._faults:
            return await handle()
        facts = GrpcFacts(name, call)
        if rpc in LEASED:  # also without a rule now: a stream is open for long
            leases = LeaseStrikes(self._faults, rpc, facts, await facts.json(), [])
            call.db = leases.over(call.db)
        if name not in JOB_STREAMS:
            return await self._struck(rpc, call, facts, handle, None)
        stream = GrpcStream(self._faults, rpc, call, facts)
        call.context = cast("Any", stream)
        with self._faults.open_stream(stream):
            return await self._struck(rpc, call, facts, handle, stream)

    async def _struck(
        self,
        rpc: str,
        call: "Call",
        facts: GrpcFacts,
        handle: Callable[[], Awaitable[T]],
        stream: GrpcStream | None,
    ) -> T:
        """Raises: what the client is refused with; otherwise as the handler."""
        strike = await self._faults.strike(rpc, facts.hold) if self._faults else None
        if strike is None:
            return await handle()
        await pause(self._faults, strike.before_ms, call)
        do = strike.do
        if do is not None:
            await self._prevent(call, do)
            if stream is not None:
                stream.struck(do)
                stream.is_cut_at_answer = do.drop is not None
        answer = await handle()
        if do is not None and do.drop is not None:
            raise cut()
        await pause(self._faults, strike.after_ms, call)
        return answer

    async def _prevent(self, call: "Call", do: Do) -> None:
        """Raises what the client is refused with, unless the call is to be done."""
        if do.error is not None:
            assert do.error.as_ is not None, "checked when the rule was made"
            raise refusal_of(do.error.as_, call.services.clock)
        if do.hang_ms is not None:
            await pause(self._faults, do.hang_ms, call)
        if do.hang_ms is not None or do.drop == "before":
            raise cut()
