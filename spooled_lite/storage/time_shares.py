"""Which of the operations that were taken for a batch run in its time."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from spooled_lite.storage.backlog import Request
from spooled_lite.storage.lanes import Lane

# By when each lane makes room for the next one. A flood of claims must not keep everybody's
# creates from being stored, as a flood of creates must not make leases expire.
SHARES: Final = (
    (Lane.SETTLE, 0.5),
    (Lane.CLAIM, 0.7),
    (Lane.HOUSE, 0.8),
    (Lane.CREATE, 1.0),
)


def run_in_time(
    requests: Sequence[Request], seconds: float, run: Callable[[Request], None]
) -> list[Request]:
    """Run requests, which come in the order of their lanes, and at least one of each lane.

    Returns those that there was no time for, in their order.
    """
    began = time.monotonic()
    left: list[Request] = []
    start = end = 0
    for last_lane, share in SHARES:
        while end < len(requests) and requests[end].lane <= last_lane:
            end += 1
        if start < end:
            left += _run_until(began + share * seconds, requests[start:end], run, at_least=1)
        start = end
    return list(_run_until(began + seconds, left, run, at_least=0)) if left else left


def _run_until(
    until: float, requests: Sequence[Request], run: Callable[[Request], None], *, at_least: int
) -> Sequence[Request]:
    for position, request in enumerate(requests):
        if position >= at_least and time.monotonic() >= until:
            return requests[position:]
        run(request)
    return ()
