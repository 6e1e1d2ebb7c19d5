"""Notices that wait to be sent to open streams when there are too many to send at once."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from spooled_lite.wire.live.notice import Notice
from spooled_lite.wire.share import Share

logger = logging.getLogger(__name__)

# The part of the loop's time spent on finding streams. A notice that a thousand patterns match
# takes milliseconds.
PART: Final = 0.5
SLICE_SECONDS: Final = 0.001  # of work before others have a turn
# Notices of one organization that may wait, and their bytes. The oldest is given up for a new one.
LINE_MAX: Final = 1_000
LINE_BYTES_MAX: Final = 8 * 1024 * 1024
# How long an organization rests after its streams were woken, per stream: writing to one costs the
# loop some 20 µs. What comes meanwhile is written together. A shorter rest is none: a timer is no
# finer.
SECONDS_PER_STREAM: Final = 0.000_1
REST_SECONDS_MIN: Final = 0.002


class NoticeSent(Struct, frozen=True, gc=False):
    """What came of a notice."""

    count: int  # streams that got it
    is_filling: bool  # one of them should write before it gets more


NOT_SENT: Final = NoticeSent(0, False)


class _OfOrg:
    __slots__ = ("is_lined_up", "is_resting", "org", "size_bytes", "waiting")

    def __init__(self, org: int) -> None:
        self.org = org
        self.waiting: deque[Notice] = deque()
        self.size_bytes = 0
        self.is_lined_up = False
        self.is_resting = False

    def pop(self) -> Notice:
        notice = self.waiting.popleft()
        self.size_bytes -= notice.size_bytes
        return notice


class NoticeLines:
    """Sends notices in the order of commits; organizations take turns. Use it on the event loop."""

    def __init__(
        self,
        send: Callable[[Notice], NoticeSent],
        wake: Callable[[int], int],
        give_up: Callable[[Notice], None],
    ) -> None:
        """`send` puts a notice in line for its streams; `wake` has those of an organization that
        got some write them, and says how many these are. `give_up` is called instead of `send` for
        notices that there is no room for.
        """
        self._send = send
        self._wake = wake
        self._give_up = give_up
        self._share = Share(PART)
        self._orgs: dict[int, _OfOrg] = {}
        self._turns: deque[_OfOrg] = deque()
        self._is_asked = False

    def put(self, notice: Notice) -> None:
        """Send a notice now, or once those before it have been sent."""
        line = self._orgs.get(notice.org)
        if line is None:
            line = self._orgs[notice.org] = _OfOrg(notice.org)
        line.waiting.append(notice)
        line.size_bytes += notice.size_bytes
        while len(line.waiting) > LINE_MAX or line.size_bytes > LINE_BYTES_MAX:
            self._give_up(line.pop())
        if not line.is_lined_up and not line.is_resting:
            self._line_up(line)

    def _line_up(self, line: _OfOrg) -> None:
        line.is_lined_up = True
        self._turns.append(line)
        if not self._is_asked:
            self._is_asked = True
            self._share.call(self._slice)

    def _slice(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + SLICE_SECONDS
        self._is_asked = False
        while self._turns:
            self._take_turn(self._turns.popleft(), loop)
            if self._turns and loop.time() >= until:
                self._is_asked = True
                self._share.call(self._slice)
                return

    def _take_turn(self, line: _OfOrg, loop: asyncio.AbstractEventLoop) -> None:
        """Send one notice of an organization; then it is lined up again, or its readers write.

        They are woken once for all notices that wait together, and write these with one call.
        """
        line.is_lined_up = False
        sent = self._sent(line.pop())
        if line.waiting and not sent.is_filling:
            line.is_lined_up = True
            self._turns.append(line)
            return
        line.is_resting = True
        rest = self._wake(line.org) * SECONDS_PER_STREAM
        if rest >= REST_SECONDS_MIN:
            loop.call_later(rest, self._has_rested, line)
        elif line.waiting or sent.is_filling:
            loop.call_soon(self._has_rested, line)  # behind the readers that were woken
        else:
            self._has_rested(line)

    def _sent(self, notice: Notice) -> NoticeSent:
        try:
            return self._send(notice)
        except Exception:
            # One notice that cannot be sent holds up no other.
            logger.exception("a notice was not sent")
            self._give_up(notice)
            return NOT_SENT

    def _has_rested(self, line: _OfOrg) -> None:
        line.is_resting = False
        if line.waiting:
            self._line_up(line)
        else:
            self._orgs.pop(line.org, None)
