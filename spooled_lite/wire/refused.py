"""Log lines about refused credentials: from which address, at which route. Limited in number."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 60.0
LINES_PER_ADDRESS_MAX: Final = 5  # in an interval, even when one address tries 10,000 keys
LINES_MAX: Final = 50  # in an interval, for all addresses together


class RefusedCredentials:
    """Logs refused credentials. Those over the limits are counted in the next line."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._lines: Counter[str] = Counter()  # by address, in this interval
        self._left_out = 0

    def note(self, address: str, asked: str, code: str) -> None:
        """`asked` is the method and the route of the table; nothing in it comes from the caller."""
        now = self._monotonic()
        if now - self._began >= INTERVAL_SECONDS:
            self._began = now
            self._lines.clear()
        has_room = self._lines.total() < LINES_MAX
        if not has_room or self._lines[address] >= LINES_PER_ADDRESS_MAX:
            self._left_out += 1
            return
        self._lines[address] += 1
        more = f"; {self._left_out} more are not listed" if self._left_out else ""
        self._left_out = 0
        logger.info("refused a credential from %s at %s: %s%s", address, asked, code, more)
