"""Remembers when each queue was last claimed from, to explain why a job waits."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import Event
from spooled_lite.wire.waiting.claims import Waiting

QUEUES_MAX: Final = 20_000  # remembered; the one that was claimed from longest ago is forgotten


class ClaimWatch:
    """Hears events on the event loop. Its questions may be asked from reader threads, too."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._last_ms: dict[int, int] = {}  # by queue, the latest last

    def hear(self, events: Sequence[Event]) -> None:
        last = self._last_ms
        for event in events:
            if event.type == "job.claimed":
                job: JobRow = event.row
                queue = job["queue"]
                last.pop(queue, None)
                last[queue] = event.at_ms
        while len(last) > QUEUES_MAX:
            del last[next(iter(last))]

    def waiting_in(self, org: int, queue_name: str) -> int:
        return self._waiting.count_in((org, queue_name))

    def last_ms(self, queue: int) -> int | None:
        return self._last_ms.get(queue)
