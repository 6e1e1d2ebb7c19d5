"""Waiting for the end of a job or a workflow: bounded, and woken by the commit that ends it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from spooled_lite.clock import Clock
from spooled_lite.errors import RateLimited, Unavailable
from spooled_lite.wire.waiting.hints import Hints

T = TypeVar("T")

OF_ORG_MAX: Final = 1_000  # who wait, of one organization; as many as streams of one kind
IN_ALL_MAX: Final = 10_000  # some kilobytes each, beside their connections
RETRY_AFTER_SECONDS: Final = 1


class Seen(Struct, Generic[T], frozen=True):
    """The state of the job or workflow at one moment."""

    value: T
    has_ended: bool
    # What it ends with is under way, and the end of one of its steps may be its own.
    is_ending: bool = False


class Waiter(Struct, frozen=True):
    """The caller that waits."""

    org: int
    # Returns when it has left.
    until_gone: Callable[[], Coroutine[Any, Any, None]]
    # Raises what keeps it from going on: its key or token is good no longer.
    check: Callable[[], Awaitable[None]]


class WaiterLeft(Exception):
    """The caller left before the end came."""


class Outcomes:
    """Use it from one event loop. Nothing is written for those who wait, and nothing is polled."""

    def __init__(self, hints: Hints, clock: Clock) -> None:
        self._hints = hints
        self._clock = clock
        self._counts: Counter[int] = Counter()  # by organization
        self._is_stopping = False

    def count(self) -> int:
        """The number of waiting callers."""
        return self._counts.total()

    def end_all(self) -> None:
        """Answer every waiting call with the present state, and let none wait any more."""
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
        """What `look` sees at the end of what these ids name, or when the time is up.

        Before it is looked at again, the waiter is checked. What `look` or the check raises ends
        the wait at once.

        Raises:
            WaiterLeft: it has gone.
            RateLimited: its organization has as many waiting as it may.
            Unavailable: very many wait.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_ms / 1000
        with self._hints.of(waiter.org, ids, ends_only=True) as hint:

            async def look_again() -> Seen[T]:
                hint.renew()
                seen = await look()
                if seen.is_ending and hint.ends_only:
                    hint.ends_only = False
                    seen = await look()  # what its steps did meanwhile was not heard
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
        if self._counts[org] >= OF_ORG_MAX:
            raise RateLimited(
                retry_after_seconds=RETRY_AFTER_SECONDS,
                limit=OF_ORG_MAX,
                reset_at=self._clock.now_ms() // 1000 + RETRY_AFTER_SECONDS,
                message=f"At most {OF_ORG_MAX} calls of an organization may wait for an outcome",
            )
        if self.count() >= IN_ALL_MAX:
            raise Unavailable("overloaded", "Too many calls wait for an outcome; try again")
        self._counts[org] += 1
        try:
            yield
        finally:
            self._counts[org] -= 1
            if not self._counts[org]:
                del self._counts[org]


@contextmanager
def _noticing(waiter: Waiter) -> Iterator[asyncio.Task[None]]:
    leaving = asyncio.create_task(waiter.until_gone(), name="until-gone")
    try:
        yield leaving
    finally:
        leaving.cancel()
