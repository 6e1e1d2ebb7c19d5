"""The exports of a running server: one at a time, each from a copy of a moment of its file."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from spooled_lite.core.export.lines import Broken, encoded
from spooled_lite.core.export.read import WantedLines, check_organization
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.exports.failed import ExportFailed
from spooled_lite.exports.moment import Moment, MomentAsked, copied_beside_server, remove_copy
from spooled_lite.exports.to_file import skipped
from spooled_lite.storage.copy import CopyPace, lower_priority
from spooled_lite.storage.database import Database
from spooled_lite.storage.pin import PinLimits
from spooled_lite.times import format_ms

logger = logging.getLogger(__name__)

T = TypeVar("T")

# How long a copy is kept after its export, for a caller that comes back. Whether all has come the
# server cannot know: what it has sent may be lost on the way.
KEPT_SECONDS: Final = 600.0


class ExportTerms(Struct, frozen=True, kw_only=True):
    """How the copies are made, and when they are given up."""

    copy: Path  # where the one is that there is
    bytes_per_second: int  # 0: as fast as it goes
    limits: PinLimits
    is_stopping: Callable[[], bool]
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    kept_seconds: float = KEPT_SECONDS


class Moments:
    """Used from the event loop."""

    wanted = staticmethod(WantedLines.checked)
    check = staticmethod(check_organization)

    def __init__(self, db: Database, terms: ExportTerms) -> None:
        self.db = db
        self.terms = terms
        self._since_ms: int | None = None  # of the one under way
        self._kept: Moment | None = None
        self._forgets: asyncio.TimerHandle | None = None

    def begin(self, wanted: WantedLines) -> "Export":
        """A new one, of the moment at which it is begun to be read.

        Raises:
            Conflict: another one is under way.
        """
        self._claim()
        self._forget()
        terms = self.terms
        asked = MomentAsked(
            path=terms.copy, wanted=wanted, name=terms.new_id(), now_ms=terms.now_ms()
        )
        return Export(self, asked, 0)

    def resume(self, name: str, after: int) -> "Export":
        """The same once more, behind so many bytes.

        Raises:
            NotFound: its moment is not kept any longer.
            Conflict: another one is under way.
        """
        self._check_free()
        kept = self._kept
        if kept is None or kept.header.moment != name:
            raise NotFound("This moment is not there any longer; begin the export again")
        self._claim()
        return Export(self, kept, after)

    def done(self, moment: Moment | None) -> None:
        """An export has come to its end, or was left."""
        self._since_ms = None
        self._kept = moment
        loop = asyncio.get_running_loop()
        self._forgets = loop.call_later(self.terms.kept_seconds, self._forget)

    def _check_free(self) -> None:
        if self._since_ms is not None:
            raise Conflict(f"An export has been under way since {format_ms(self._since_ms)}")

    def _claim(self) -> None:
        self._check_free()
        self._since_ms = self.terms.now_ms()
        if self._forgets is not None:
            self._forgets.cancel()
            self._forgets = None

    def _forget(self) -> None:
        self._kept = None
        remove_copy(self.terms.copy)


class Export:
    """One stream of lines. `close` has to be called, also when nothing was read."""

    def __init__(self, moments: Moments, what: MomentAsked | Moment, after: int) -> None:
        self._moments = moments
        self._asked = what if isinstance(what, MomentAsked) else None
        self._moment = what if isinstance(what, Moment) else None
        self._after = after
        self._chunks: Iterator[bytes] | None = None
        # A thread of its own: a copy takes long, and a connection belongs to its thread.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="spooled-export")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its lines, in pieces; the last one says why, if it cannot be made to its end."""
        try:
            if self._moment is None:
                self._moment = await self._on_the_thread(self._copied)
            # What a caller has is not sent again; it is made again, for the sum of all lines.
            self._chunks = skipped(self._moment.chunks(), self._after, None)
            while (chunk := await self._on_the_thread(self._next)) is not None:
                yield chunk
        except ExportFailed as error:
            logger.error("an export failed: %s", error)
            yield encoded(Broken(error=str(error)))

    def close(self) -> None:
        self._executor.submit(self._end)
        self._executor.shutdown(wait=False)
        self._moments.done(self._moment)

    def _copied(self) -> Moment:
        lower_priority()
        terms, db, asked = self._moments.terms, self._moments.db, self._asked
        assert asked is not None, "there is no moment yet"
        pin = db.pin(terms.limits, is_stopping=terms.is_stopping)
        pace = CopyPace(terms.bytes_per_second)
        return copied_beside_server(pin, asked, pace=pace, check=self._check)

    def _next(self) -> bytes | None:
        self._check()
        assert self._chunks is not None, "it was begun"
        return next(self._chunks, None)

    def _check(self) -> None:
        if self._moments.terms.is_stopping():
            raise ExportFailed("the server is stopping")

    def _end(self) -> None:
        """On its thread, to which the connection belongs."""
        if self._chunks is not None:
            with contextlib.suppress(Exception):
                self._chunks.close()  # type: ignore[attr-defined]  # a generator

    async def _on_the_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
