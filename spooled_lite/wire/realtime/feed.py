"""Sends committed events to open streams; one timer does what is due without an event.

Live events are only hints: the rows are the truth. A stream that falls behind is ended, and its
client comes back with Last-Event-ID.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.core.jobs.kinds import is_announced
from spooled_lite.core.jobs.log import WITHOUT_QUEUE, LoggedSubjectRow
from spooled_lite.errors import RateLimited, Unavailable
from spooled_lite.events import OF_CREDENTIALS, Event, EventBus, EventType
from spooled_lite.log_counts import Counted
from spooled_lite.metrics import Metrics
from spooled_lite.storage.database import Database
from spooled_lite.wire.identity import Identities
from spooled_lite.wire.realtime import catalogue
from spooled_lite.wire.realtime.audience import Audience
from spooled_lite.wire.realtime.rechecks import Rechecks
from spooled_lite.wire.realtime.registry import NAMES_OF_ORG_MAX, Streams
from spooled_lite.wire.realtime.statistics import Statistics
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.telling import News, Telling
from spooled_lite.wire.realtime.timing import Timing
from spooled_lite.wire.realtime.transition import Transition
from spooled_lite.wire.realtime.turns import StreamTurns
from spooled_lite.wire.share import Share

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS: Final = 30
TOO_MANY: Final = "Too many WebSocket connections"  # event streams are refused with it, too
TOO_MANY_NAMES: Final = "The open streams of this organization name too many queues and jobs"
# Replays that read and render a page at the same time. A page takes milliseconds of the loop, and
# after a restart all clients come back together.
REPLAYS_MAX: Final = 2
COMMANDS_PART: Final = 0.25  # the part of the loop's time spent on the commands of all WebSockets


class Feed:
    """All open streams and what is sent to them. Use it from one event loop."""

    def __init__(
        self,
        db: Database,
        *,
        clock: Clock,
        bus: EventBus,
        identities: Identities,
        metrics: Metrics,
        counted: Counted,
        streams_max: int,
        checks_words: bool = True,
    ) -> None:
        """`streams_max` bounds the streams of one kind and organization."""
        self.readers = db.readers
        self.clock = clock
        self.streams = Streams()
        self.commands = Share(COMMANDS_PART)
        self._telling = Telling(self._tell, self._give_up)
        self._identities = identities
        self._metrics = metrics
        self.counted = counted
        self._streams_max = streams_max
        self._checks_words = checks_words
        self.replays = asyncio.Semaphore(REPLAYS_MAX)
        self._due = asyncio.Event()  # set when a turn is due before its time
        self._is_stopping = False
        self.use(Timing())
        bus.listen(self._listen)
        metrics.watch("spooled_event_streams", lambda: self.streams.count("sse"))
        metrics.watch("spooled_websockets", lambda: self.streams.count("websocket"))

    def use(self, timing: Timing) -> None:
        """Use these times instead of the default ones, for streams opened from now on."""
        streams, readers, clock = self.streams, self.readers, self.clock
        self.timing = timing
        self.turns = StreamTurns(streams, readers, clock, timing)
        self._rechecks = Rechecks(
            streams, self._identities, timing, checks_words=self._checks_words
        )
        self._statistics = Statistics(streams, readers, clock, timing, self._due.set)

    # -- connections ---------------------------------------------------------------------------

    def open(self, stream: Stream) -> None:
        """Send events to this stream from now on. The caller must `close` it.

        Raises:
            RateLimited: the organization has as many streams as it may, or they name as many
                queues, jobs and events as they may.
            Unavailable: the server is stopping.

        Contract: realtime, section 5.8.
        """
        if self._is_stopping:
            raise Unavailable("shutting_down", "The server is stopping")
        if self.streams.count_of(stream.org, stream.kind) >= self._streams_max:
            raise self._too_many(self._streams_max, TOO_MANY)
        if stream.name_count > self.streams.names_left(stream.org):
            raise self._too_many(NAMES_OF_ORG_MAX, TOO_MANY_NAMES)
        stream.begin(asyncio.get_running_loop().time(), self.timing)
        if not self.streams:
            self._due.set()  # the timer does not run while no stream is open
        self.streams.add(stream)

    def _too_many(self, limit: int, message: str) -> RateLimited:
        return RateLimited(
            retry_after_seconds=RETRY_AFTER_SECONDS,
            limit=limit,
            reset_at=self.clock.now_ms() // 1000 + RETRY_AFTER_SECONDS,
            message=message,
            ends_by_clock=False,
        )

    def close(self, stream: Stream) -> None:
        """Forget a stream; may be called again."""
        if stream not in self.streams:
            return
        stream.finish("done")
        if stream.end == "slow":
            self._metrics.count("spooled_slow_streams_total")
        self.streams.remove(stream)

    def end_all(self) -> None:
        """End all event streams, close all WebSockets and open no new ones: the server stops."""
        self._is_stopping = True
        self.streams.flush()
        for stream in self.streams:
            stream.finish("stopping")
        self._due.set()

    # -- committed events ----------------------------------------------------------------------

    def _listen(self, events: Sequence[Event]) -> None:
        if not self.streams:
            return
        for event in events:
            if event.type in OF_CREDENTIALS or event.type == "storage.reopened":
                if self._rechecks.note(event):
                    self._due.set()
            elif self.streams.has_org(event.org):
                if self.streams.may_want(event.org, event.type):
                    self._line_up(event)
                self._statistics.note(event)

    def _line_up(self, event: Event) -> None:
        if not event.log_seq and (event.type != "job.deleted" or not is_announced(event)):
            return
        subject: LoggedSubjectRow = event.row
        queue_name = None if event.type in WITHOUT_QUEUE else subject["queue_name"]
        is_fired = event.type == "schedule.triggered"
        job_id: str = event.facts["job_id"] if is_fired else subject["id"]
        if self._concerned(event.org, event.type, queue_name, job_id):
            self._telling.put(News.of(event, queue_name, job_id))

    def _tell(self, news: News) -> None:
        if news.logged is None:
            self._tell_deleted(news)
            return
        transition = Transition.of(news.logged)
        for audience in self._concerned(news.org, news.type, news.queue_name, news.job_id):
            audience.tell(transition)

    def _give_up(self, news: News) -> None:
        """End the streams this event may concern; their clients get it when they come back."""
        for audience in self._concerned(news.org, news.type, news.queue_name, news.job_id):
            for stream in audience.members:
                stream.finish("slow")

    def _concerned(
        self, org: int, event_type: EventType, queue_name: str | None, job_id: str
    ) -> Sequence[Audience]:
        """The streams this event may concern; each filters its frames itself."""
        if queue_name is None:
            found = self.streams.audiences(org)
        else:
            found = self.streams.concerned(org, queue_name, job_id)
        return [each for each in found if event_type in each.events]

    def _tell_deleted(self, news: News) -> None:
        """End the streams of a job that was deleted. Contract: realtime, section 4.2."""
        assert news.queue_name is not None, "every job is in a queue"
        for stream in self.streams.of_job(news.org, news.job_id):
            if stream.wants_queue(news.queue_name):
                stream.say(catalogue.error("Job not found", news.at_ms, code="NOT_FOUND"))
                stream.finish("done")

    # -- the timer -----------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due without an event, until `stop`. Costs nothing while no stream is open."""
        stopping = asyncio.create_task(self._until(stop), name="streams-stop")
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.timing.turn_seconds if self.streams else None):
                    await self._due.wait()
            self._due.clear()
            try:
                await self._turn()
            except Exception:
                # The next turn tries again: one failure must not stop keep-alives and checks.
                logger.exception("a turn of the streams failed")
        await stopping

    async def _until(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.end_all()

    async def _turn(self) -> None:
        if not self.streams:
            self._statistics.forget()
            return
        now = asyncio.get_running_loop().time()
        await self._rechecks.run(now)
        await self.turns.run(now)
        await self._statistics.run(now)
