"""Looking again and again until something is so, by the clock and not by the number of looks."""

import time
from collections.abc import Iterator
from typing import Final

SECONDS_MAX: Final = 30.0


def looks(seconds: float = SECONDS_MAX) -> Iterator[None]:
    """One turn for each look, until the time is up; the last one comes after that."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        yield
    yield
