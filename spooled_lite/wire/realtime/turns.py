"""Sends frames that no event causes: keep-alives, health and pings; ends streams in time."""

import sqlite3
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.core.jobs.replay import last_logged
from spooled_lite.errors import SpooledError
from spooled_lite.storage.readers import Readers
from spooled_lite.wire.realtime import catalogue
from spooled_lite.wire.realtime.dialects import Rendered
from spooled_lite.wire.realtime.registry import Streams
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.timing import Timing
from spooled_lite.wire.realtime.transition import Transition

KEEP_ALIVE: Final = Rendered(0, 0, (b": ping\n\n",))


class StreamTurns:
    def __init__(self, streams: Streams, readers: Readers, clock: Clock, timing: Timing) -> None:
        self._streams = streams
        self._readers = readers
        self._clock = clock
        self._timing = timing

    async def run(self, now: float) -> None:
        """Go through all streams once. Frames that several streams get are made once."""
        timing = self._timing
        health: Transition | None = None
        ping = Transition((catalogue.ping(self._clock.now_ms()),))
        for stream in self._streams:
            if stream.kind == "websocket":
                if stream.turn_at <= now:
                    stream.turn_at = now + timing.ping_seconds
                    stream.tell(ping)
                continue
            if self._is_over(stream, now):
                continue
            if stream.has_health and stream.turn_at <= now:
                stream.turn_at = now + timing.health_seconds
                health = health or Transition((await self.health(),))
                stream.tell(health)
            if not stream.waiting_count and now - stream.written_at >= timing.keep_alive_seconds:
                stream.put(KEEP_ALIVE)

    async def health(self) -> catalogue.Frame:
        """The frame that tells whether the database can be read."""
        try:
            await self._readers.point(last_logged)
            is_well = True
        except (SpooledError, sqlite3.Error):
            is_well = False
        return catalogue.system_health(database=is_well, at_ms=self._clock.now_ms())

    def _is_over(self, stream: Stream, now: float) -> bool:
        if stream.is_gone():
            stream.finish("done")
        elif now - stream.opened_at >= self._timing.lifetime_seconds:
            stream.catch_up()
            stream.finish("done")
        return stream.end is not None
