"""What happens over and over in one failure: one line per cause and interval, with a count."""

import asyncio
import logging
from collections import Counter
from typing import Final

INTERVAL_SECONDS: Final = 10.0
CAUSES_MAX: Final = 100  # told apart at a time; the rest count as one
OTHER: Final = "other causes"


class Counted:
    """Writes the first line of a cause at once, then counts until INTERVAL_SECONDS are over.

    The count follows as a line of its own, and as long as there is something to count a line per
    interval. Use it from one event loop; real time.
    """

    def __init__(self, *, seconds: float = INTERVAL_SECONDS) -> None:
        self._seconds = seconds
        self._more: Counter[str] = Counter()  # of each cause that was written of lately
        self._open: set[str] = set()

    def log(
        self, logger: logging.Logger, level: int, cause: str, message: str, *args: object
    ) -> None:
        """`message` is written as it is the first time; later ones of the cause are counted."""
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
        asyncio.get_running_loop().call_later(self._seconds, self._end, logger, level, cause)

    def _end(self, logger: logging.Logger, level: int, cause: str) -> None:
        self._open.discard(cause)
        more = self._more.pop(cause, 0)
        if more:
            logger.log(level, "%s: %d more in %g s", cause, more, self._seconds)
            self._begin(logger, level, cause)
