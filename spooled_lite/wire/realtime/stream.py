"""One open connection for the feed: which frames it wants, and those that wait to be written."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, Literal

from spooled_lite.wire.identity import Identity
from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.dialects import Profile, Rendered, render
from spooled_lite.wire.realtime.ends import End
from spooled_lite.wire.realtime.filters import ALWAYS, UNFILTERED, AudienceKey, Filter
from spooled_lite.wire.realtime.subscriptions import Subscriptions
from spooled_lite.wire.realtime.timing import Timing
from spooled_lite.wire.realtime.transition import Transition

BACKLOG_MAX: Final = 1_000  # frames that wait for one reader. Contract: realtime, section 5.8
CHUNK_BYTES_MAX: Final = 64 * 1024  # of one write, as large as the transport's own buffer

StreamKind = Literal["sse", "websocket"]


def nothing_waits() -> None:
    """The `catch_up` of a stream that is in no audience."""


class Stream:
    """Frames of one connection: the feed puts them in, and the task that writes takes them out.

    The feed never waits for the client.
    """

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
        """`job_id` and `queue_name` are for streams of one job or one queue."""
        self.kind = kind
        self.identity = identity
        self.profile = profile
        self.filter = wanted
        self.job_id = job_id
        self.queue_name = queue_name
        self.has_health = has_health
        self.has_ids = kind == "sse" and job_id is None
        self.is_gone = is_gone
        # Has the audience give its waiting frames to this stream now; the registry sets it.
        self.catch_up: Callable[[], None] = nothing_waits
        self.seen_as: Hashable = None  # its view when it joined its audience
        self.subscriptions: Subscriptions | None = None
        self.is_opening = kind == "sse"  # while it is not decided which past events it gets
        self.shown_until = 0  # the newest row that it got or will get from a read of the log
        self.end: End | None = None
        self.on_end: Callable[[], None] | None = None
        self.opened_at = 0.0  # on the loop's clock, as the following times
        self.written_at = 0.0
        self.turn_at = 0.0  # when health, statistics or a ping is due
        self.recheck_at = 0.0
        self.waiting_count = 0
        self._inbox: deque[Rendered] = deque()
        self._waker: asyncio.Future[None] | None = None

    @property
    def org(self) -> int:
        return self.identity.caller.org

    def begin(self, now: float, timing: Timing) -> None:
        """Set the times from which its keep-alives, checks and other frames are counted."""
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
        """Where the registry must find this stream: the narrowest things its frames are about.

        Frames without a queue do not go by these places: they are shown to all streams.
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
        """Whether its URL names no job or queue: then its subscriptions decide, if it has some."""
        return self.filter.is_everywhere

    @property
    def name_count(self) -> int:
        subscribed = 0 if self.subscriptions is None else self.subscriptions.name_count
        return self.filter.name_count + subscribed

    @property
    def view(self) -> Hashable:
        """Equal for streams of one organization that get the same frames."""
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
        """Whether the key may see frames of this queue; a restricted key sees none without one."""
        scope = self.identity.caller.scope
        return scope.is_unrestricted or (queue_name is not None and scope.allows(queue_name))

    def rendered(self, transition: Transition) -> Sequence[bytes | str]:
        """The frames of a transition that this stream wants, rendered for it."""
        chosen = self.chosen(transition)
        if not chosen:
            return ()
        return transition.rendered(self.profile, chosen, has_id=self.has_ids).parts

    def tell(self, transition: Transition) -> None:
        """Put frames for this stream alone in line, behind those that wait in its audience."""
        chosen = self.chosen(transition)
        if not chosen:
            return
        self.catch_up()
        self.put(transition.rendered(self.profile, chosen, has_id=self.has_ids))

    def chosen(self, transition: Transition) -> tuple[int, ...]:
        return tuple(n for n, frame in enumerate(transition.frames) if self.wants(frame))

    def say(self, frame: Frame) -> None:
        """Put a frame in line without asking the filter. It belongs to no row of the log."""
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
        """End the stream once the waiting frames are written.

        When it is too slow or has lost its rights, they are thrown away.
        """
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
        """Drop live frames of rows up to this one, also those that still come.

        They are replayed from a read of the log, which may see a commit before it is announced.
        """
        self.catch_up()
        self.shown_until = seq
        kept = [each for each in self._inbox if each.seq == 0 or each.seq > seq]
        self._inbox = deque(kept)
        self.waiting_count = sum(each.count for each in kept)

    # -- for the task that writes ----------------------------------------------------------------

    async def next_parts(self) -> Sequence[bytes | str]:
        """Wait for frames and take about CHUNK_BYTES_MAX of them; empty at the end of the stream.

        A caller that is cancelled while it waits has taken nothing.
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
