"""Events that wait to be sent to open streams, when there are more than can be sent at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from msgspec import Struct

from spooled_lite.core.jobs.replay import Logged
from spooled_lite.events import Event, EventType
from spooled_lite.wire.share import Share

# Of the loop's time, as far as anything has to wait: matching one event against a thousand streams
# that all want something else takes milliseconds.
PART: Final = 0.5
SLICE_SECONDS: Final = 0.001  # told before it is looked whether the share is used up
# Of one organization. Who is that far behind is taken for slow: the log of events holds no more.
LINE_MAX: Final = 1_000


class News(Struct, frozen=True, gc=False):
    """What a committed event says, without its row: that may hold a payload."""

    type: EventType
    org: int
    at_ms: int
    queue_name: str | None  # None: it is of no queue
    job_id: str
    logged: Logged | None  # None: it has no row in the log

    @classmethod
    def of(cls, event: Event, queue_name: str | None, job_id: str) -> Self:
        logged = Logged.of_event(event) if event.log_seq else None
        return cls(event.type, event.org, event.at_ms, queue_name, job_id, logged)


class Telling:
    """Told in the order of commits, in turns by organization. Use it from the event loop."""

    def __init__(self, tell: Callable[[News], None], give_up: Callable[[News], None]) -> None:
        """`give_up`: called instead of `tell` where an organization has too much in line."""
        self._tell = tell
        self._give_up = give_up
        self._share = Share(PART)
        self._lines: dict[int, deque[News]] = {}
        self._is_lined_up = False

    def put(self, news: News) -> None:
        """Tell it now, or as soon as what is before it has been told."""
        line = self._lines.setdefault(news.org, deque())
        if len(line) >= LINE_MAX:
            self._give_up(line.popleft())
        line.append(news)
        if not self._is_lined_up:
            self._is_lined_up = True
            self._share.call(self._slice)

    def _slice(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + SLICE_SECONDS
        self._is_lined_up = False
        while self._lines:
            org = next(iter(self._lines))
            line = self._lines.pop(org)
            news = line.popleft()
            if line:
                self._lines[org] = line  # behind those of the others
            self._tell(news)
            if self._lines and loop.time() >= until:
                self._is_lined_up = True
                self._share.call(self._slice)
                return
