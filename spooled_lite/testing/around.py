"""What stands around the handlers of a world: it sees who calls and which streams are open, and
makes the faults that were asked for."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar, cast

from spooled_lite.testing.faults.names import JOB_STREAMS
from spooled_lite.testing.faults.strikes import Strikes
from spooled_lite.testing.journal import Journal
from spooled_lite.testing.stepper import Stepper

T = TypeVar("T")


class _CallOfOrg(Protocol):
    @property
    def org(self) -> int: ...


class AroundWorld:
    """Calls over gRPC, as those over HTTP before, see what follows from the ones before them."""

    def __init__(self, stepper: Stepper, journal: Journal, strikes: Strikes) -> None:
        self._stepper = stepper
        self._journal = journal
        self._strikes = strikes

    async def __call__(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        return await self._journal.around(name, call, partial(self._handle, name, call, handle))

    async def _handle(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        if " " in name:
            # A method and a path: HTTP, where the application has waited.
            return await self._strikes.around(name, call, handle)
        await self._stepper.until_quiet()
        if name not in JOB_STREAMS:
            return await self._strikes.around(name, call, handle)
        with self._stepper.live.streaming(cast(_CallOfOrg, call).org):
            return await self._strikes.around(name, call, handle)
