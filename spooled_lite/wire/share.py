"""A bounded share of the event loop's time, for work that callers can ask for without limit."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Done without a pause, so that work which is rarely asked for is done at once.
AT_ONCE_SECONDS: Final = 0.002


class Share:
    """Does pieces of work in the order they were asked for. Use it from the event loop.

    After AT_ONCE_SECONDS of work it leaves the loop to others, until the time it has used is no
    more than its part. The writing thread gains as well: a loop that is never idle leaves it too
    little time of the interpreter.
    """

    def __init__(self, part: float) -> None:
        """`part` is the share of the loop's time, above 0 and at most 1."""
        self._part = part
        self._line: deque[Callable[[], None]] = deque()
        self._paid_at = 0.0  # the moment from which the time used is no more than the part
        self._timer: asyncio.TimerHandle | None = None
        self._is_working = False

    def call(self, work: Callable[[], None]) -> None:
        """Do the work at once when the share allows it and no work waits, else in its turn."""
        self._line.append(work)
        if self._timer is None and not self._is_working:
            self._work()

    async def run(self, work: Callable[[], T]) -> T:
        """As `call`, for work with a result. When the caller is cancelled first, it is not done."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def do() -> None:
            if outcome.done():
                return
            try:
                outcome.set_result(work())
            except Exception as error:
                outcome.set_exception(error)

        self.call(do)
        return outcome.result() if outcome.done() else await outcome

    def _work(self) -> None:
        self._timer = None
        self._is_working = True
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._paid_at = max(self._paid_at, now)
        while self._line and (self._paid_at - now) * self._part < AT_ONCE_SECONDS:
            began = now
            try:
                self._line.popleft()()
            except Exception:
                logger.exception("a piece of work failed")
            now = loop.time()
            self._paid_at += (now - began) / self._part
        self._is_working = False
        if self._line:
            self._timer = loop.call_at(self._paid_at, self._work)
