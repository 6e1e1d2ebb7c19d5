"""Strikes what the rules say: called instead of every handler of a world."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

from spooled_lite.testing.faults.kinds import ROUTE_NAMES
from spooled_lite.testing.faults.names import RPC_NAMES
from spooled_lite.testing.faults.over_grpc import GrpcStrikes
from spooled_lite.testing.faults.over_http import HttpStrikes
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.wire.http.call import Call, Reply

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.call import Call as GrpcCall

T = TypeVar("T")


class Strikes:
    """Used on the event loop's thread."""

    def __init__(self, faults: Faults) -> None:
        self._http = HttpStrikes(faults)
        self._grpc = GrpcStrikes(faults)

    async def around(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        if name in RPC_NAMES:
            return await self._grpc.around(name, cast("GrpcCall", call), handle)
        if isinstance(call, Call) and name in ROUTE_NAMES:
            work = cast("Callable[[], Awaitable[Reply]]", handle)
            return cast("T", await self._http.around(name, call, work))
        return await handle()
