"""Lines of events that wait to be sent to open streams when there are too many to send at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from msgspec import Struct

from spooled_lite.core.jobs.replay import Logged
from spooled_lite.events import Event, EventType
from spooled_lite.wire.share import Share

# The part of the loop's time spent on sending events while others wait. Matching one event against
# a thousand streams that all want different things takes milliseconds.
PART: Final = 0.5
SLICE_SECONDS: Final = 0.001  # of work before the share is checked again
# Events of one organization that may wait. Streams that are further behind are ended as slow, since
# the event log keeps no more than about as many.
LINE_MAX: Final = 1_000


class News(Struct, frozen=True, gc=False):
    """A committed event without its row, which may hold a payload."""

    type: EventType
    org: int
    at_ms: int
    queue_name: str | None  # None: the event has no queue
    job_id: str
    logged: Logged | None  # None: the event has no row in the log

    @classmethod
    def of(cls, event: Event, queue_name: str | None, job_id: str) -> Self:
        logged = Logged.of_event(event) if event.log_seq else None
        return cls(event.type, event.org, event.at_ms, queue_name, job_id, logged)


class Telling:
    """Sends events in the order of commits; organizations take turns. Use it on the event loop."""

    def __init__(self, tell: Callable[[News], None], give_up: Callable[[News], None]) -> None:
        """`give_up` is called instead of `tell` for events over an organization's LINE_MAX."""
        self._tell = tell
        self._give_up = give_up
        self._share = Share(PART)
        self._lines: dict[int, deque[News]] = {}
        self._is_lined_up = False

    def put(self, news: News) -> None:
        """Send an event now, or once the events before it have been sent."""
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
                self._lines[org] = line  # behind the lines of the other organizations
            self._tell(news)
            if self._lines and loop.time() >= until:
                self._is_lined_up = True
                self._share.call(self._slice)
                return
