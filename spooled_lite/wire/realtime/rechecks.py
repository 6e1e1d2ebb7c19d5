"""Checks regularly whether the callers of open streams still have the right to them.

Contract: realtime, section 2.
"""

import logging
import sqlite3

from spooled_lite.errors import AccessDenied, SpooledError, Unauthorized
from spooled_lite.events import Event
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.identity import WORD, Identities, Identity
from spooled_lite.wire.realtime.registry import Streams
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.timing import Timing

logger = logging.getLogger(__name__)


class Rechecks:
    def __init__(
        self, streams: Streams, identities: Identities, timing: Timing, *, checks_words: bool
    ) -> None:
        self._streams = streams
        self._identities = identities
        self._timing = timing
        self._checks_words = checks_words

    def note(self, event: Event) -> bool:
        """Note a committed event. Returns whether a stream must be checked at once."""
        concerned = [each for each in self._streams if each.identity.caller.is_concerned_by(event)]
        for stream in concerned:
            stream.recheck_at = 0.0
        return bool(concerned)

    async def run(self, now: float) -> None:
        """Check the streams that are due, once per credential; end those that lost access."""
        known: dict[object, Caller | None] = {}
        unanswered = 0
        for stream in self._streams:
            if stream.recheck_at > now:
                continue
            stream.recheck_at = now + self._timing.recheck_seconds
            who = stream.identity.same
            try:
                if who not in known:
                    known[who] = await self._caller_now(stream.identity)
            except (SpooledError, sqlite3.Error):
                # The storage failed. That ends no stream: it is checked again later.
                unanswered += 1
                continue
            caller = known[who]
            if caller is None or not self._may(stream, caller):
                stream.finish("revoked")
            else:
                stream.identity.caller = caller
                self._streams.regroup(stream)
        if unanswered:
            logger.warning("%d streams could not be checked; trying again", unanswered)

    async def _caller_now(self, identity: Identity) -> Caller | None:
        try:
            return await self._identities.again(identity)
        except (Unauthorized, AccessDenied):
            return None

    def _may(self, stream: Stream, caller: Caller) -> bool:
        """Whether the key still has the queues and the permission that the stream needs."""
        try:
            stream.filter.check_scope(caller.scope)
            if stream.queue_name is not None:
                caller.scope.check(stream.queue_name)
        except AccessDenied:
            return False
        return not self._checks_words or caller.may(WORD)
