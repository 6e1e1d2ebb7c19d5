"""What stands around the handlers of a world: it sees which streams of jobs are open."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar, cast

from spooled_lite.testing.stepper import Stepper

T = TypeVar("T")

# Of gRPC: who has one open works, however long it says nothing.
JOB_STREAMS: Final = frozenset({"StreamJobs", "ProcessJobs"})


class _CallOfOrg(Protocol):
    @property
    def org(self) -> int: ...


class AroundWorld:
    """Calls over gRPC, as those over HTTP before, see what follows from the ones before them."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper

    async def __call__(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        if " " in name:
            return await handle()  # a method and a path: HTTP, where the application has waited
        await self._stepper.until_quiet()
        if name not in JOB_STREAMS:
            return await handle()
        with self._stepper.live.streaming(cast(_CallOfOrg, call).org):
            return await handle()
