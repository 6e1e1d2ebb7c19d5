"""Waiting for the end of a job or a workflow: the commit that ends it wakes the callers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from spooled_lite.clock import Clock
from spooled_lite.errors import Unavailable
from spooled_lite.wire.calls_of_org import CallsOfOrg
from spooled_lite.wire.waiting.hints import Hints

T = TypeVar("T")

OF_ORG_MAX: Final = 1_000  # waiting calls of one organization; as many as streams of one kind
IN_ALL_MAX: Final = 10_000  # waiting calls in all: some kilobytes each, beside their connections


class Seen(Struct, Generic[T], frozen=True):
    """The state of the job or workflow at one moment."""

    value: T
    has_ended: bool
    # Whether it may end without an event of its own, with the end of one of its steps.
    is_ending: bool = False


class Waiter(Struct, frozen=True):
    """The caller that waits."""

    org: int
    # Returns when the caller has left.
    until_gone: Callable[[], Coroutine[Any, Any, None]]
    # Raises Unauthorized or AccessDenied when the caller has lost its rights.
    check: Callable[[], Awaitable[None]]


class WaiterLeft(Exception):
    """The caller left before the end came."""


class Outcomes:
    """All callers that wait for an end. Use it from one event loop. Waiting polls nothing."""

    def __init__(self, hints: Hints, clock: Clock) -> None:
        self._hints = hints
        self._waiting = CallsOfOrg(
            clock,
            OF_ORG_MAX,
            f"At most {OF_ORG_MAX} calls of an organization may wait for an outcome",
        )
        self._is_stopping = False

    def count(self) -> int:
        """The number of waiting callers."""
        return self._waiting.count()

    def end_all(self) -> None:
        """Answer every waiting call with the present state, and let no further call wait."""
        self._is_stopping = True
        self._hints.wake_all()

    async def until_ended(
        self,
        waiter: Waiter,
        ids: Sequence[str],
        look: Callable[[], Awaitable[Seen[T]]],
        *,
        wait_ms: int,
    ) -> Seen[T]:
        """The state that `look` reads when the jobs or workflows have ended or the time is up.

        The rights of the waiter are checked before each further look.

        Raises:
            WaiterLeft: the waiter has left.
            RateLimited: its organization has OF_ORG_MAX calls waiting.
            Unavailable: IN_ALL_MAX calls wait.
            Whatever `look` or the check of the waiter raises, at once.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_ms / 1000
        with self._hints.of(waiter.org, ids, ends_only=True) as hint:

            async def look_again() -> Seen[T]:
                hint.renew()
                seen = await look()
                if seen.is_ending and hint.ends_only:
                    hint.ends_only = False
                    seen = await look()  # changes of its steps before this line woke nobody
                return seen

            seen = await look_again()
            if seen.has_ended or not wait_ms:
                return seen
            with self._place(waiter.org), _noticing(waiter) as leaving:
                while not seen.has_ended and not self._is_stopping and loop.time() < until:
                    await asyncio.wait(
                        {hint.woken, leaving},
                        timeout=until - loop.time(),
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    if leaving.done():
                        raise WaiterLeft
                    await waiter.check()
                    seen = await look_again()
        return seen

    @contextmanager
    def _place(self, org: int) -> Iterator[None]:
        self._waiting.check(org)
        if self.count() >= IN_ALL_MAX:
            raise Unavailable("overloaded", "Too many calls wait for an outcome; try again")
        with self._waiting.place(org):
            yield


@contextmanager
def _noticing(waiter: Waiter) -> Iterator[asyncio.Task[None]]:
    leaving = asyncio.create_task(waiter.until_gone(), name="until-gone")
    try:
        yield leaving
    finally:
        leaving.cancel()
