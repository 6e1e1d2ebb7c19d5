"""One open stream of topics: what it listens to, and the frames that wait to be written to it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from spooled_lite.wire.caller import Caller
from spooled_lite.wire.live.tokens import TopicGrant
from spooled_lite.wire.realtime.ends import End
from spooled_lite.wire.realtime.stream import CHUNK_BYTES_MAX

# Notices that wait for one reader. Contract: catbird-capabilities, section 13, R9.
BACKLOG_FRAMES_MAX: Final = 64
# Of these frames together; a single one is taken whatever its size.
BACKLOG_BYTES_MAX: Final = 1024 * 1024
# From here on the reader is given the chance to catch up before it is sent more.
FILLING: Final = BACKLOG_FRAMES_MAX // 2
SLOW_SECONDS: Final = 5.0  # a full backlog of which nothing is written ends the stream. R9


class SharedFrame:
    """The bytes of a notice, which the streams that got it hold together."""

    __slots__ = ("body", "holders")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.holders = 0


class HeldBytes:
    """How many bytes wait for the readers of one organization; a shared frame counts once."""

    __slots__ = ("_all", "size_bytes")

    def __init__(self, of_all: "HeldBytes | None" = None) -> None:
        """What is counted here is counted `of_all` as well."""
        self.size_bytes = 0
        self._all = of_all

    def take(self, frame: SharedFrame) -> None:
        if not frame.holders:
            self._add(len(frame.body))
        frame.holders += 1

    def release(self, frame: SharedFrame) -> None:
        frame.holders -= 1
        if not frame.holders:
            self._add(-len(frame.body))

    def _add(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        if self._all is not None:
            self._all.size_bytes += size_bytes


class TopicStream:
    """The hub puts frames in and never waits; the task that writes takes them out."""

    __slots__ = (
        "_backlog",
        "_backlog_bytes",
        "_waker",
        "caller",
        "client_id",
        "cut",
        "end",
        "full_since",
        "grant",
        "held",
        "is_gone",
        "opened_at",
        "patterns",
        "recheck_at",
        "written_at",
    )

    def __init__(
        self,
        caller: Caller,
        patterns: Sequence[str],
        *,
        grant: TopicGrant | None = None,
        client_id: str | None = None,
        is_gone: Callable[[], bool] = lambda: False,
        cut: Callable[[], None] = lambda: None,
    ) -> None:
        """`grant` is that of a token, `caller` the key behind it. `cut` ends the connection."""
        self.caller = caller
        self.patterns = tuple(dict.fromkeys(patterns))
        self.grant = grant
        self.client_id = client_id
        self.is_gone = is_gone
        self.cut = cut
        self.held = HeldBytes()  # replaced by that of its organization when it is opened
        self.end: End | None = None
        self.opened_at = 0.0  # on the loop's clock, as the following times
        self.written_at = 0.0
        self.recheck_at = 0.0
        self.full_since: float | None = None  # None: there is room
        self._backlog: deque[SharedFrame] = deque()
        self._backlog_bytes = 0
        self._waker: asyncio.Future[None] | None = None

    @property
    def org(self) -> int:
        return self.caller.org

    @property
    def identity(self) -> str | None:
        return None if self.grant is None else self.grant.identity

    @property
    def is_filling(self) -> bool:
        return len(self._backlog) >= FILLING

    @property
    def is_idle(self) -> bool:
        return not self._backlog

    def put(self, frame: SharedFrame, now: float) -> bool:
        """Put a frame in line, until `wake`. False: no room for it, or the stream has ended."""
        if self.end is not None:
            return False
        if self._backlog and (
            len(self._backlog) >= BACKLOG_FRAMES_MAX
            or self._backlog_bytes + len(frame.body) > BACKLOG_BYTES_MAX
        ):
            self.note_full(now)
            return False
        self.held.take(frame)
        self._backlog.append(frame)
        self._backlog_bytes += len(frame.body)
        return True

    def note_full(self, now: float) -> None:
        """There was no room for a frame, here or with all that waits for others."""
        if self._backlog and self.full_since is None:
            self.full_since = now

    def is_stuck(self, now: float) -> bool:
        """Whether its reader takes nothing of a full backlog, and has not for SLOW_SECONDS."""
        if self.full_since is None:
            return False
        return now - max(self.full_since, self.written_at) > SLOW_SECONDS

    def finish(self, reason: End) -> None:
        """End the stream once the waiting frames are written.

        When it is too slow or has lost its rights, they are thrown away. The connection of a slow
        one is cut, since its reader would not get to the end of the stream.
        """
        if self.end is not None:
            return
        self.end = reason
        if reason in ("slow", "revoked"):
            self.forget()
        self.wake()
        if reason == "slow":
            self.cut()

    def forget(self) -> None:
        """Throw away what waits."""
        while self._backlog:
            self.held.release(self._backlog.popleft())
        self._backlog_bytes = 0

    async def next_bytes(self) -> bytes:
        """Wait for frames and take about CHUNK_BYTES_MAX of them; empty at the end of the stream.

        A caller that is cancelled while it waits has taken nothing.
        """
        while not self._backlog:
            if self.end is not None:
                return b""
            self._waker = asyncio.get_running_loop().create_future()
            await self._waker
        parts: list[bytes] = []
        size = 0
        while self._backlog and size < CHUNK_BYTES_MAX:
            frame = self._backlog.popleft()
            self.held.release(frame)
            parts.append(frame.body)
            size += len(frame.body)
        self._backlog_bytes -= size
        return b"".join(parts)

    def note_written(self, now: float) -> None:
        """What was taken is written."""
        self.written_at = now
        self.full_since = None

    def wake(self) -> None:
        """Have what waits written."""
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)
