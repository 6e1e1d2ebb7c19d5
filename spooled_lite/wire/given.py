"""What the workers of claimed steps and items are given, for every door that hands jobs out."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.steps.given import GivenToWorker, given_to
from spooled_lite.storage.readers import Reads

# Up to so many jobs are looked at on the event loop, which takes less time than another thread
# does. What is large after all goes there by itself (storage.readers).
LOOKED_AT_ON_LOOP_MAX: Final = 8


async def given_to_workers(
    reads: Reads, jobs: Sequence[JobRow], *, copies: int
) -> Sequence[GivenToWorker | None]:
    """What each of the jobs is given; for the last ones there may be no room: see `given_to`."""
    is_short = len(jobs) <= LOOKED_AT_ON_LOOP_MAX
    return await (reads.point if is_short else reads.read)(given_to, jobs, copies=copies)
