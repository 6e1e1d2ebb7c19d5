"""Strikes calls and streams over gRPC as the rules say. Loads nothing of the library."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from spooled_lite.errors import Unavailable
from spooled_lite.testing.faults.answers import refusal_of
from spooled_lite.testing.faults.grpc_facts import GrpcFacts
from spooled_lite.testing.faults.kinds import JOB_STREAMS, LEASED, RPC_NAMES
from spooled_lite.testing.faults.leases import LeaseStrikes
from spooled_lite.testing.faults.pauses import pause
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.faults.shapes import Do

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.call import Call

T = TypeVar("T")

# The library cannot cut the connection of one call. Clients see one that is cut with this status
# and these words.
CUT: Final = "Socket closed"


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
        strike = await self._faults.strike(rpc, facts.hold)
        if strike is None:
            return await handle()
        await pause(self._faults, strike.before_ms, call)
        if strike.do is not None:
            return await self._done(name, call, strike.do, handle)
        answer = await handle()
        await pause(self._faults, strike.after_ms, call)
        return answer

    async def _done(self, name: str, call: "Call", do: Do, handle: Callable[[], Awaitable[T]]) -> T:
        """Raises: what the client is refused with; otherwise as the handler."""
        if do.error is not None:
            assert do.error.as_ is not None, "checked when the rule was made"
            raise refusal_of(do.error.as_, call.services.clock)
        if do.drop == "before":
            raise cut()
        if do.hang_ms is not None:
            await pause(self._faults, do.hang_ms, call)
            raise cut()
        if name in JOB_STREAMS:
            call.context = cast("Any", CutAtAnswer(call))
        await handle()
        raise cut()


class CutAtAnswer:
    """The context of a stream that is cut when it would give its first answer."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._inner = call.context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write(self, message: bytes) -> None:
        """What is written counts as sent: the job stays leased, the settlement is kept."""
        assert self._call.stream is not None, "the stream is open"
        self._call.stream.end(cut())


def cut() -> Unavailable:
    return Unavailable("overloaded", CUT)
