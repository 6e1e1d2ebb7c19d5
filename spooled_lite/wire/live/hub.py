"""Sends committed notices to the open streams that listen to their topics.

Nothing is kept: who is not there, or cannot keep up, does not get it. Contract:
catbird-capabilities, section 13.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.core.renderers.render import Fragment, Rendering
from spooled_lite.core.topics.system import TOLD, told_of
from spooled_lite.errors import RateLimited, SpooledError, Unavailable
from spooled_lite.events import OF_CREDENTIALS, Event, EventBus
from spooled_lite.metrics import Metrics
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.live import fragments
from spooled_lite.wire.live.line import NOT_SENT, NoticeLines, NoticeSent
from spooled_lite.wire.live.notice import Notice
from spooled_lite.wire.live.registry import WORDS_OF_ORG_MAX, TopicStreams, TopicStreamsOfOrg
from spooled_lite.wire.live.renderers import LiveRenderers
from spooled_lite.wire.live.rights import TopicRights
from spooled_lite.wire.live.stream import SharedFrame, TopicStream
from spooled_lite.wire.realtime.feed import RETRY_AFTER_SECONDS
from spooled_lite.wire.realtime.timing import Timing

logger = logging.getLogger(__name__)

TOO_MANY: Final = "Too many open streams of topics"
TOO_MANY_WORDS: Final = "The open streams of this organization listen to too many patterns"
# Bytes that wait for readers: of one organization, and of all. Beyond the latter an organization
# still has the last: readers of others cannot take it away.
HELD_OF_ORG_MAX: Final = 16 * 1024 * 1024
HELD_MAX: Final = 128 * 1024 * 1024
HELD_SURELY: Final = 1024 * 1024
# Rendered for one notice, for all identities together: some 50 ms of the loop.
RENDERED_OF_NOTICE_MAX: Final = 2 * 1024 * 1024

PING: Final = b": ping\n\n"


class TopicHub:
    """All open streams of topics and what is sent to them. Use it from one event loop."""

    def __init__(
        self,
        *,
        clock: Clock,
        bus: EventBus,
        rights: TopicRights,
        streams: TopicStreams,
        renderers: LiveRenderers,
        metrics: Metrics,
        streams_max: int,
    ) -> None:
        """`streams_max` bounds the streams of one organization."""
        self.streams = streams
        self.rights = rights
        self._renderers = renderers
        self.timing = Timing()
        self._clock = clock
        self._metrics = metrics
        self._streams_max = streams_max
        self._lines = NoticeLines(self._send, self._wake, self._give_up)
        self._due = asyncio.Event()  # set when a turn is due before its time
        self._is_stopping = False
        bus.listen(self._listen)
        metrics.watch("spooled_realtime_connections", lambda: self.streams.count)

    # -- streams -------------------------------------------------------------------------------

    def open(self, stream: TopicStream) -> None:
        """Send notices to this stream from now on. The caller must `close` it.

        Raises:
            RateLimited: the organization has as many streams as it may, or they listen to as many
                patterns as they may.
            Unavailable: the server is stopping.
        """
        if self._is_stopping:
            raise Unavailable("shutting_down", "The server is stopping")
        of_org = self.streams.of_org(stream.org)
        if of_org is not None and len(of_org.streams) >= self._streams_max:
            raise self._too_many(self._streams_max, TOO_MANY)
        if of_org is not None and not of_org.has_room_for(stream.patterns):
            raise self._too_many(WORDS_OF_ORG_MAX, TOO_MANY_WORDS)
        now = asyncio.get_running_loop().time()
        stream.opened_at = stream.written_at = now
        stream.recheck_at = now + self.timing.recheck_seconds
        if not self.streams.count:
            self._due.set()  # the timer does not run while no stream is open
        self._tell_presence(stream, self.streams.add(stream))

    def close(self, stream: TopicStream) -> None:
        """Forget a stream; may be called again."""
        if stream not in self.streams:
            return
        stream.finish("done")
        if stream.end == "slow":
            self._metrics.count("spooled_slow_streams_total")
        self._tell_presence(stream, self.streams.remove(stream))

    def present(self, org: int, topic: str) -> list[str]:
        """Who has an open stream whose token names exactly this topic or pattern."""
        of_org = self.streams.of_org(org)
        return [] if of_org is None else of_org.present(topic)

    def end_all(self) -> None:
        """End all streams and open no new ones: the server stops."""
        self._is_stopping = True
        for stream in self.streams:
            stream.finish("stopping")
        self._due.set()

    def _too_many(self, limit: int, message: str) -> RateLimited:
        return RateLimited(
            retry_after_seconds=RETRY_AFTER_SECONDS,
            limit=limit,
            reset_at=self._clock.now_ms() // 1000 + RETRY_AFTER_SECONDS,
            message=message,
            ends_by_clock=False,
        )

    def _tell_presence(self, stream: TopicStream, topics: Sequence[str]) -> None:
        for topic in topics:
            if self.streams.of_org(stream.org) is not None:
                self._lines.put(Notice(stream.org, topic))

    # -- notices -------------------------------------------------------------------------------

    def _listen(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "topic.notified":
                notice = Notice.of(event)
                if self.streams.of_org(event.org) is None:
                    notice.tell_reached(0)
                else:
                    self._lines.put(notice)
            elif event.type in TOLD:
                if self.streams.of_org(event.org) is not None:
                    self._tell(event)
            elif event.type in OF_CREDENTIALS and self._note(event):
                self._due.set()

    def _tell(self, event: Event) -> None:
        """Send what the server itself says of an event, if anything."""
        told = told_of(event)
        if told is not None:
            self._lines.put(Notice(event.org, told.topic, told.message))

    def _note(self, event: Event) -> bool:
        """Whether a stream must be checked at once after this event."""
        concerned = [each for each in self.streams if each.caller.is_concerned_by(event)]
        for stream in concerned:
            stream.recheck_at = 0.0
        return bool(concerned)

    def _send(self, notice: Notice) -> NoticeSent:
        of_org = self.streams.of_org(notice.org)
        sent = NOT_SENT if of_org is None else self._send_to(of_org, notice)
        notice.tell_reached(sent.count)
        return sent

    def _send_to(self, of_org: TopicStreamsOfOrg, notice: Notice) -> NoticeSent:
        now = asyncio.get_running_loop().time()
        renderers = self._renderers.known(notice.org)
        frames = _Frames(notice, renderers.rendering(notice.topic, notice.message or ""))
        count = dropped = 0
        is_filling = False
        for stream in of_org.listening(notice.topic):
            if notice.sent_by is not None and stream.client_id == notice.sent_by:
                continue
            frame = frames.of(stream)
            if frame is None:
                continue
            if self._has_room(of_org, frame) and stream.put(frame, now):
                count += 1
                of_org.to_wake[stream] = None
                is_filling = is_filling or stream.is_filling
            else:
                dropped += 1
                stream.note_full(now)
                if stream.is_stuck(now):
                    stream.finish("slow")
        dropped += frames.dropped_count
        if dropped:
            self._metrics.count("spooled_realtime_dropped_total", dropped)
        return NoticeSent(count, is_filling)

    def _wake(self, org: int) -> int:
        """Have the streams of an organization write what they got; how many these are."""
        of_org = self.streams.of_org(org)
        if of_org is None:
            return 0
        woken, of_org.to_wake = of_org.to_wake, {}
        for stream in woken:
            stream.wake()
        return len(woken)

    def _has_room(self, of_org: TopicStreamsOfOrg, frame: SharedFrame) -> bool:
        if frame.holders:
            return True
        more = of_org.held.size_bytes + len(frame.body)
        if more <= HELD_SURELY:
            return True
        all_bytes = self.streams.held.size_bytes + len(frame.body)
        return more <= HELD_OF_ORG_MAX and all_bytes <= HELD_MAX

    def _give_up(self, notice: Notice) -> None:
        self._metrics.count("spooled_realtime_dropped_total")
        notice.tell_reached(0)

    # -- the timer -----------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due without a notice, until `stop`. Costs nothing while no stream is open."""
        stopping = asyncio.create_task(self._until(stop), name="topics-stop")
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                seconds = self.timing.turn_seconds if self.streams.count else None
                async with asyncio.timeout(seconds):
                    await self._due.wait()
            self._due.clear()
            try:
                await self._recheck()
                self._turn()
            except Exception:
                # The next turn tries again: one failure must not stop keep-alives and checks.
                logger.exception("a turn of the streams of topics failed")
        await stopping

    async def _until(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.end_all()

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        for stream in self.streams:
            if stream.is_gone() or now - stream.opened_at >= self.timing.lifetime_seconds:
                stream.finish("done")
            elif stream.is_stuck(now):
                stream.finish("slow")
            elif stream.is_idle and now - stream.written_at >= self.timing.keep_alive_seconds:
                stream.put(SharedFrame(PING), now)
                stream.wake()

    async def _recheck(self) -> None:
        """Check the streams that are due, once per credential; end those that lost their rights."""
        now = asyncio.get_running_loop().time()
        known: dict[object, Caller | None] = {}
        generation = self.rights.generation
        for stream in self.streams:
            if stream.recheck_at > now:
                continue
            if generation != self.rights.generation:
                # A right was lost while others were checked: what is known may be from before.
                generation = self.rights.generation
                known.clear()
            stream.recheck_at = now + self.timing.recheck_seconds
            key, token = stream.caller, stream.caller.token
            who = (key.key_id, key.secret_id, token and token.jti, stream.grant is None)
            try:
                if who not in known:
                    known[who] = await self.rights.again(stream)
            except (SpooledError, sqlite3.Error):
                continue  # the storage failed, which ends no stream: it is checked again later
            caller = known[who]
            if caller is None:
                stream.finish("revoked")
            else:
                stream.caller = caller


class _Frames:
    """The frames of one notice: that of the message itself, and those rendered for tokens."""

    __slots__ = (
        "_by_fragments",
        "_by_identity",
        "_left",
        "_notice",
        "_raw",
        "_rendering",
        "dropped_count",
    )

    def __init__(self, notice: Notice, rendering: Rendering | None) -> None:
        """`rendering` is None where no renderer matches the topic."""
        self._notice = notice
        self._rendering = rendering
        self._left = RENDERED_OF_NOTICE_MAX
        self.dropped_count = 0  # streams for which there was no room any more
        self._raw: SharedFrame | None = None
        self._by_identity: dict[str | None, SharedFrame | None] = {}
        self._by_fragments: dict[tuple[Fragment, ...], SharedFrame] = {}

    def of(self, stream: TopicStream) -> SharedFrame | None:
        """None: there is nothing to send to this stream."""
        if stream.grant is None or self._rendering is None:
            return self._as_it_is()
        identity = None if self._rendering.is_the_same_for_all else stream.grant.identity
        if identity not in self._by_identity:
            if self._left <= 0:
                self.dropped_count += 1
                return None
            self._by_identity[identity] = self._rendered(self._rendering.fragments(identity))
        return self._by_identity[identity]

    def _as_it_is(self) -> SharedFrame:
        if self._raw is None:
            notice = self._notice
            made = fragments.as_it_is(notice.topic, notice.message)
            self._raw = SharedFrame(fragments.written(made))
        return self._raw

    def _rendered(self, fragments_made: Sequence[Fragment]) -> SharedFrame | None:
        made = tuple(fragments_made)
        if not made:
            return None
        frame = self._by_fragments.get(made)
        if frame is None:
            frame = self._by_fragments[made] = SharedFrame(fragments.written(made))
            self._left -= len(frame.body)
        return frame
