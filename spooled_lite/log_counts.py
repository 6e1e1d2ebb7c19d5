"""Log lines that a lasting failure would repeat: one line per cause and interval, with a count."""

import asyncio
import logging
from collections import Counter
from contextvars import Context
from typing import Final

INTERVAL_SECONDS: Final = 10.0
CAUSES_MAX: Final = 100  # counted apart at a time; any more are counted together
OTHER: Final = "other causes"


class Counted:
    """Writes the first line of a cause at once, then counts until INTERVAL_SECONDS are over.

    The count is then written as a line of its own, one per interval until nothing more is counted.
    Intervals are real time. Use it from one event loop.
    """

    def __init__(self, *, seconds: float = INTERVAL_SECONDS) -> None:
        self._seconds = seconds
        self._more: Counter[str] = Counter()  # lines not written, by cause
        self._open: set[str] = set()  # the causes whose interval has not ended

    def log(
        self, logger: logging.Logger, level: int, cause: str, message: str, *args: object
    ) -> None:
        """Write the message if it is the first of its cause in the interval, else count it."""
        if not logger.isEnabledFor(level):
            return
        if cause not in self._open and len(self._open) >= CAUSES_MAX:
            cause = OTHER
        if cause in self._open:
            self._more[cause] += 1
            return
        logger.log(level, message, *args)
        self._begin(logger, level, cause)

    def _begin(self, logger: logging.Logger, level: int, cause: str) -> None:
        self._open.add(cause)
        # In a context of its own: the count is of all calls, and not of the one that came first.
        asyncio.get_running_loop().call_later(
            self._seconds, self._end, logger, level, cause, context=Context()
        )

    def _end(self, logger: logging.Logger, level: int, cause: str) -> None:
        self._open.discard(cause)
        more = self._more.pop(cause, 0)
        if more:
            logger.log(level, "%s: %d more in %g s", cause, more, self._seconds)
            self._begin(logger, level, cause)
