"""One open connection as the feed sees it: what it wants, and what waits to be written to it."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, Literal

from spooled_lite.wire.identity import Identity
from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.dialects import Profile, Rendered, render
from spooled_lite.wire.realtime.filters import ALWAYS, UNFILTERED, AudienceKey, Filter
from spooled_lite.wire.realtime.subscriptions import Subscriptions
from spooled_lite.wire.realtime.timing import Timing
from spooled_lite.wire.realtime.transition import Transition

BACKLOG_MAX: Final = 1_000  # frames that wait for one reader. Contract: realtime, section 5.8
CHUNK_BYTES_MAX: Final = 64 * 1024  # written at once: what the transport buffers by itself, too

StreamKind = Literal["sse", "websocket"]
End = Literal["done", "slow", "revoked", "stopping", "failed"]


def nothing_waits() -> None:
    """What a stream without an audience catches up with."""


class Stream:
    """Filled by the feed, emptied by the task that writes. Never waited for."""

    __slots__ = (
        "_inbox",
        "_waker",
        "catch_up",
        "end",
        "filter",
        "has_health",
        "has_ids",
        "identity",
        "is_gone",
        "is_opening",
        "job_id",
        "kind",
        "on_end",
        "opened_at",
        "profile",
        "queue_name",
        "recheck_at",
        "seen_as",
        "shown_until",
        "subscriptions",
        "turn_at",
        "waiting_count",
        "written_at",
    )

    def __init__(
        self,
        kind: StreamKind,
        identity: Identity,
        profile: Profile,
        *,
        wanted: Filter = UNFILTERED,
        job_id: str | None = None,
        queue_name: str | None = None,
        has_health: bool = False,
        is_gone: Callable[[], bool] = lambda: False,
    ) -> None:
        """`job_id`, `queue_name`: the one thing that the stream is about."""
        self.kind = kind
        self.identity = identity
        self.profile = profile
        self.filter = wanted
        self.job_id = job_id
        self.queue_name = queue_name
        self.has_health = has_health
        self.has_ids = kind == "sse" and job_id is None
        self.is_gone = is_gone
        # Be told now what waits for its audience; set by the registry while it has one.
        self.catch_up: Callable[[], None] = nothing_waits
        self.seen_as: Hashable = None  # its view when it joined its audience
        self.subscriptions: Subscriptions | None = None
        self.is_opening = kind == "sse"  # what it is shown of the past is not known yet
        self.shown_until = 0  # the newest row that a read of the file has shown
        self.end: End | None = None
        self.on_end: Callable[[], None] | None = None
        self.opened_at = 0.0  # real time, as all of them
        self.written_at = 0.0
        self.turn_at = 0.0  # when it is next told of health, statistics or a ping
        self.recheck_at = 0.0
        self.waiting_count = 0
        self._inbox: deque[Rendered] = deque()
        self._waker: asyncio.Future[None] | None = None

    @property
    def org(self) -> int:
        return self.identity.caller.org

    def begin(self, now: float, timing: Timing) -> None:
        """It is open: when things are due that nothing else brings."""
        self.opened_at = self.written_at = now
        self.recheck_at = now + timing.recheck_seconds
        if self.kind == "websocket":
            self.turn_at = now + timing.ping_seconds
        elif self.queue_name is not None:
            self.turn_at = now + timing.statistics_seconds
        else:
            self.turn_at = now + timing.health_seconds

    @property
    def places(self) -> Iterable[AudienceKey]:
        """Where it has to be found: the narrowest things that its frames are about.

        What is of no queue is told everywhere.
        """
        if self.job_id is not None:
            return (("job", self.job_id),)
        if self.queue_name is not None:
            return (("queue", self.queue_name),)
        if self.is_where_it_subscribes and self.subscriptions:
            return self.subscriptions.places
        return self.filter.places

    @property
    def is_where_it_subscribes(self) -> bool:
        """Whether its address leaves it to its subscriptions, once it has some."""
        return self.filter.is_everywhere

    @property
    def name_count(self) -> int:
        subscribed = 0 if self.subscriptions is None else self.subscriptions.name_count
        return self.filter.name_count + subscribed

    @property
    def view(self) -> Hashable:
        """Equal for streams of one organization that are told the same."""
        scope = self.identity.caller.scope
        queues = None if scope.is_unrestricted else scope
        alone = self if self.subscriptions else None
        return self.kind, self.profile, self.filter, self.job_id, self.queue_name, queues, alone

    # -- for the feed --------------------------------------------------------------------------

    def wants(self, frame: Frame) -> bool:
        if frame.kind in ALWAYS:
            return self.filter.passes(frame)
        if not self.wants_queue(frame.queue_name):
            return False
        if self.job_id is not None:
            return frame.job_id == self.job_id
        if self.queue_name is not None and frame.queue_name != self.queue_name:
            return False
        if not self.filter.passes(frame):
            return False
        return not self.subscriptions or self.subscriptions.pass_on(frame)

    def wants_queue(self, queue_name: str | None) -> bool:
        """Whether the key may see it. What is of no queue is not for a key of some queues."""
        scope = self.identity.caller.scope
        return scope.is_unrestricted or (queue_name is not None and scope.allows(queue_name))

    def rendered(self, transition: Transition) -> Sequence[bytes | str]:
        """What it would be told of a transition."""
        chosen = self.chosen(transition)
        if not chosen:
            return ()
        return transition.rendered(self.profile, chosen, has_id=self.has_ids).parts

    def tell(self, transition: Transition) -> None:
        """Put what it alone is told in line, after what its audience has been told."""
        chosen = self.chosen(transition)
        if not chosen:
            return
        self.catch_up()
        self.put(transition.rendered(self.profile, chosen, has_id=self.has_ids))

    def chosen(self, transition: Transition) -> tuple[int, ...]:
        return tuple(n for n, frame in enumerate(transition.frames) if self.wants(frame))

    def say(self, frame: Frame) -> None:
        """Put a frame in line that is about no row, wanted or not."""
        self.catch_up()
        self.put(render(self.profile, (frame,)))

    def put(self, rendered: Rendered) -> None:
        if self.end is not None or 0 < rendered.seq <= self.shown_until:
            return
        if self.waiting_count + rendered.count > BACKLOG_MAX:
            self.finish("slow")
            return
        self.waiting_count += rendered.count
        self._inbox.append(rendered)
        self._wake()

    def finish(self, reason: End) -> None:
        """Write nothing more than what waits, and not even that to who may not have it."""
        if self.end is not None:
            return
        self.end = reason
        if reason in ("slow", "revoked"):
            self._inbox.clear()
            self.waiting_count = 0
        self._wake()
        if self.on_end is not None:
            self.on_end()

    def forget_until(self, seq: int) -> None:
        """Take out of the line what a read of the file has shown already, and let none of it in.

        A commit may be seen by the read before it is announced.
        """
        self.catch_up()
        self.shown_until = seq
        kept = [each for each in self._inbox if each.seq == 0 or each.seq > seq]
        self._inbox = deque(kept)
        self.waiting_count = sum(each.count for each in kept)

    # -- for the task that writes ----------------------------------------------------------------

    async def next_parts(self) -> Sequence[bytes | str]:
        """What waits, up to CHUNK_BYTES_MAX or so, as soon as something does; nothing at the end.

        Whoever waits and is cancelled has taken nothing.
        """
        while not self._inbox:
            if self.end is not None:
                return ()
            self._waker = asyncio.get_running_loop().create_future()
            await self._waker
        parts: list[bytes | str] = []
        size = 0
        while self._inbox and size < CHUNK_BYTES_MAX:
            rendered = self._inbox.popleft()
            self.waiting_count -= rendered.count
            parts += rendered.parts
            size += sum(len(part) for part in rendered.parts)
        return parts

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)
