"""Sends QueueStats: at fixed intervals to streams of one queue, after changes to all others."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.core.jobs.statements import BriefJobRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.levels import Levels, QueueKey, levels_of_queues
from spooled_lite.errors import SpooledError
from spooled_lite.events import MOVING, Event
from spooled_lite.storage.readers import Readers
from spooled_lite.wire.realtime import catalogue
from spooled_lite.wire.realtime.registry import Streams
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.timing import Timing
from spooled_lite.wire.realtime.transition import Transition

logger = logging.getLogger(__name__)

QUEUES_MAX: Final = 200  # read at once; the others come in the next turn
CHANGED_MAX: Final = 10_000  # changed queues that may wait; any more come at their next change


class Statistics:
    """Contract: realtime, sections 3.4 (last row) and 4.2."""

    def __init__(
        self,
        streams: Streams,
        readers: Readers,
        clock: Clock,
        timing: Timing,
        hurry: Callable[[], None],
    ) -> None:
        self._streams = streams
        self._readers = readers
        self._clock = clock
        self._seconds = timing.statistics_seconds
        self._hurry = hurry
        self._due_at: dict[QueueKey, float] = {}  # when to send those of a queue that has changed
        self._told_at: dict[QueueKey, float] = {}  # when they were last sent
        self._at_once: set[QueueKey] = set()  # paused or resumed queues: sent to all their streams

    def note(self, event: Event) -> None:
        """Note a committed event of an organization that has streams."""
        kind = event.type
        if kind in ("queue.paused", "queue.resumed"):
            queue: QueueRow = event.row
            key = (event.org, queue["queue_name"])
            self._at_once.add(key)
            self._due_at[key] = 0.0
            self._hurry()
        elif kind in MOVING:
            job: BriefJobRow = event.row
            key = (event.org, job["queue_name"])
            if key in self._due_at or len(self._due_at) >= CHANGED_MAX:
                return
            told_at = self._told_at.get(key)
            if told_at is None:
                self._due_at[key] = 0.0
                self._hurry()
            else:
                self._due_at[key] = told_at + self._seconds

    def forget(self) -> None:
        """Forget all changes, because no stream is open."""
        self._due_at.clear()
        self._told_at.clear()
        self._at_once.clear()

    async def run(self, now: float) -> None:
        """Read the counters of queues that are due, once, and send them to their streams."""
        self._told_at = {k: at for k, at in self._told_at.items() if now - at < self._seconds}
        changed = [key for key, at in self._due_at.items() if at <= now][:QUEUES_MAX]
        own = self._own_turns(now)
        if not changed and not own:
            return
        for key in changed:
            del self._due_at[key]
            self._told_at[key] = now
        at_once = self._at_once.intersection(changed)
        self._at_once -= at_once
        levels = await self._levels(dict.fromkeys([*changed, *own]))
        for key in levels:
            transition = self._transition(key, levels[key])
            for stream in own.get(key, ()):
                stream.tell(transition)
        for key in changed:
            if key in levels:
                self._tell_others(key, self._transition(key, levels[key]), key in at_once)
        if len(changed) == QUEUES_MAX:
            self._hurry()

    def _own_turns(self, now: float) -> dict[QueueKey, list[Stream]]:
        """The streams of one queue whose interval has passed, by queue."""
        own: dict[QueueKey, list[Stream]] = {}
        for stream in self._streams:
            if stream.queue_name is not None and stream.turn_at <= now and len(own) < QUEUES_MAX:
                stream.turn_at = now + self._seconds
                own.setdefault((stream.org, stream.queue_name), []).append(stream)
        return own

    async def _levels(self, keys: Iterable[QueueKey]) -> dict[QueueKey, Levels]:
        try:
            return await self._readers.read(levels_of_queues, list(keys))
        except SpooledError as error:
            logger.warning("statistics of queues could not be read: %s", error)
            return {}

    def _transition(self, key: QueueKey, levels: Levels) -> Transition:
        return Transition((catalogue.queue_stats(key[1], levels, self._clock.now_ms()),))

    def _tell_others(self, key: QueueKey, transition: Transition, also_own: bool) -> None:
        org, queue_name = key
        for audience in self._streams.concerned(org, queue_name):
            if also_own or audience.first.queue_name is None:
                audience.tell(transition)
