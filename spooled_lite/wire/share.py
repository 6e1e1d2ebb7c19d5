"""A bounded share of the event loop's time for work that callers can ask for without end."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Worked off without a pause: what is asked for now and then is done at once.
AT_ONCE_SECONDS: Final = 0.002


class Share:
    """Does what many ask for, in their order; use it from the event loop.

    Once it has worked for AT_ONCE_SECONDS it leaves the loop to others, until the time it has
    taken is no more than its part. A loop that is never idle leaves too little of the interpreter
    to the writing thread as well.
    """

    def __init__(self, part: float) -> None:
        """`part`: of the time, above 0 and at most 1."""
        self._part = part
        self._line: deque[Callable[[], None]] = deque()
        self._paid_at = 0.0  # when the time it has taken is no more than its part
        self._timer: asyncio.TimerHandle | None = None
        self._is_working = False

    def call(self, work: Callable[[], None]) -> None:
        """Do it at once, where the share allows it and nobody waits, else in its turn."""
        self._line.append(work)
        if self._timer is None and not self._is_working:
            self._work()

    async def run(self, work: Callable[[], T]) -> T:
        """The same for what has a result. Who is cancelled has it left undone."""
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
