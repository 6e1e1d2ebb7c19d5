"""Groups of streams that get the same frames: these are chosen, rendered and joined once."""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.events import EventType
from spooled_lite.wire.realtime.dialects import Profile, Rendered, joined
from spooled_lite.wire.realtime.filters import AudienceKey
from spooled_lite.wire.realtime.stream import BACKLOG_MAX, CHUNK_BYTES_MAX, Stream
from spooled_lite.wire.realtime.transition import Transition

# How long an audience waits between two writes, per member. A write to one stream costs the loop
# some 20 µs; waiting five times as long leaves the loop to others. For a thousand streams frames
# may be 0.1 s late, and come in fewer and larger writes.
SECONDS_PER_STREAM: Final = 0.000_1
# Frames that may wait here. They must fit into the backlog of a member that keeps up.
PENDING_MAX: Final = BACKLOG_MAX // 4


class Audience:
    """A group with at least one member. Its first member decides which frames all of them get."""

    __slots__ = (
        "_ahead", "_not_before", "_pending", "_pending_count", "_timer",
        "events", "members", "places",
    )  # fmt: skip

    def __init__(self, events: frozenset[EventType]) -> None:
        """`events` are those that may give a frame that the members want."""
        self.events = events
        self.members: dict[Stream, None] = {}
        # The places where the registry finds this audience, and how often it was put there.
        self.places: Counter[AudienceKey] = Counter()
        # How many of the pending pieces a member already has or must not get; absent when none.
        self._ahead: dict[Stream, int] = {}
        self._pending: list[Rendered] = []
        self._pending_count = 0
        self._not_before = 0.0
        self._timer: asyncio.Handle | None = None

    @property
    def first(self) -> Stream:
        return next(iter(self.members))

    def tell(self, transition: Transition) -> None:
        """Add the frames of a transition that the members want to those that wait.

        When the one job that the members follow has ended, they get all frames now, and finish.
        """
        first = self.first
        chosen = first.chosen(transition)
        if not chosen:
            return
        rendered = transition.rendered(first.profile, chosen, has_id=first.has_ids)
        self._pending.append(rendered)
        self._pending_count += rendered.count
        if first.job_id is not None and _has_ended(transition, chosen):
            self.flush()
            for stream in tuple(self.members):
                stream.finish("done")
        elif self._pending_count >= PENDING_MAX:
            self.flush()
        elif self._timer is None:
            self._schedule()

    def join(self, stream: Stream) -> None:
        """Add a stream; frames that already wait are not sent to it."""
        self.members[stream] = None
        self._pass_over(stream)

    def leave(self, stream: Stream) -> None:
        """Remove a stream, after it got the frames that wait."""
        self.catch_up(stream)
        self._ahead.pop(stream, None)
        del self.members[stream]
        if not self.members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def catch_up(self, stream: Stream) -> None:
        """Give one member the frames that wait; the others get them at the next flush."""
        for each in self._pending[self._ahead.get(stream, 0) :]:
            stream.put(each)
        self._pass_over(stream)

    def _pass_over(self, stream: Stream) -> None:
        if self._pending:
            self._ahead[stream] = len(self._pending)

    def flush(self) -> None:
        """Give every member the frames that wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        pending, count = self._pending, self._pending_count
        ahead, self._ahead = self._ahead, {}
        self._pending, self._pending_count = [], 0
        pieces = list(_pieces(self.first.profile, pending))
        oldest = min((each.seq for each in pending if each.seq), default=math.inf)
        for stream in tuple(self.members):
            # One by one for a member that must not get all of them or may not have room for all.
            had = ahead.get(stream, 0)
            is_one_by_one = (
                had > 0
                or stream.is_opening
                or oldest <= stream.shown_until
                or stream.waiting_count + count > BACKLOG_MAX
            )
            for each in pending[had:] if is_one_by_one else pieces:
                stream.put(each)
        now = asyncio.get_running_loop().time()
        self._not_before = now + len(self.members) * SECONDS_PER_STREAM

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        # `call_soon` and not now, so that all frames of a commit are written together.
        is_quiet = loop.time() >= self._not_before
        self._timer = (
            loop.call_soon(self.flush) if is_quiet else loop.call_at(self._not_before, self.flush)
        )


def _pieces(profile: Profile, pending: Iterable[Rendered]) -> Iterator[Rendered]:
    """The frames joined to pieces of about CHUNK_BYTES_MAX, the size of one write."""
    together: list[Rendered] = []
    size = 0
    for rendered in pending:
        together.append(rendered)
        size += sum(len(part) for part in rendered.parts)
        if size >= CHUNK_BYTES_MAX:
            yield joined(profile, together)
            together, size = [], 0
    if together:
        yield joined(profile, together)


def _has_ended(transition: Transition, chosen: Iterable[int]) -> bool:
    return any(transition.frames[n].new_status in TERMINAL for n in chosen)
