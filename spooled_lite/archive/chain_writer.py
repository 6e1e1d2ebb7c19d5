"""Adds windows to the chain of a file: into the spool, linked to one another."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from spooled_lite import __version__
from spooled_lite.archive.chain import Base, Chain
from spooled_lite.archive.spool import ChainStanding, Spool
from spooled_lite.archive.window import WindowHead, write_window
from spooled_lite.storage.database import Database
from spooled_lite.storage.file_identity import mark_of
from spooled_lite.storage.log_frames import LogPlace
from spooled_lite.storage.log_reader import NEW_LOG, PagesOfWindow

RECENT_MAX: Final = 100  # windows that a base may be linked to


class WindowLink(Struct, frozen=True):
    """What the next window, or a base, is linked to: the end of a window."""

    hash: str
    created: int
    settled: int


class SpoolFull(Exception):
    """Windows cannot be kept until they are sent. The message says how many bytes wait."""


class ChainWriter:
    """Where the chain stands. Threads share it, and one works at a time; what it does blocks."""

    def __init__(
        self, spool: Spool, *, bytes_max: int, figures: Callable[[], tuple[int, int]]
    ) -> None:
        """`figures`: how many jobs were created and settled since the server started."""
        self.standing: ChainStanding | None = None  # None: no chain is under way
        self._spool = spool
        self._bytes_max = bytes_max
        self._figures = figures
        self._figures_before = (0, 0)  # what they were when the chain began
        self._links: dict[int, WindowLink] = {}  # of the newest windows, by number
        self._working = threading.Lock()

    def go_on(self, database: Database) -> LogPlace | None:
        """Take up the chain of an earlier start, if the file is just as it was left.

        Returns the place in the log at which the chain goes on; None: it does not.

        Raises OSError.
        """
        known = self._spool.standing()
        if known is None or not _is_as_left(known, database):
            self._spool.end_chain()
            return None
        self._spool.drop_after(known)
        place = known.place if known.closed is None else NEW_LOG
        self.standing = replace(known, openings=database.openings + 1, place=place, closed=None)
        self._figures_before = (-known.created, -known.settled)
        self._links = {known.number: WindowLink(known.link, known.created, known.settled)}
        self._spool.keep(self.standing)
        return place

    def begin(self, chain: Chain, openings: int, place: LogPlace) -> None:
        """Raises OSError."""
        with self._working:
            self._figures_before = self._figures()
            self._links = {0: WindowLink(chain.token, 0, 0)}
            self._keep(
                ChainStanding(
                    chain=chain,
                    number=0,
                    link=chain.token,
                    to_ms=chain.began_ms,
                    created=0,
                    settled=0,
                    openings=openings,
                    place=place,
                )
            )

    def add(self, made: Sequence[PagesOfWindow]) -> None:
        """Put windows into the spool, in their order.

        Raises:
            SpoolFull: there is no room for them. Those before stay right.
            OSError: likewise.
        """
        with self._working:
            for each in made:
                self._add(each)

    def link_of(self, number: int) -> WindowLink | None:
        """What a base at the end of a window is linked to; None: it was too long ago."""
        with self._working:
            return self._links.get(number)

    def _add(self, made: PagesOfWindow) -> None:
        standing = self.standing
        assert standing is not None, "a chain is under way"
        assert made.number == standing.number + 1, "no window is left out"
        if (waiting := self._spool.bytes()) > self._bytes_max:
            raise SpoolFull(f"{waiting // 2**20} MiB of windows wait to be sent")
        created, settled = self._counted()
        head = WindowHead(
            program=__version__,
            file_id=standing.chain.file_id,
            chain=standing.chain.chain,
            number=made.number,
            before=standing.link,
            from_ms=standing.to_ms,
            to_ms=made.at_ms,
            size_pages=made.size_pages,
            pages=len(made.pages),
            created=created,
            settled=settled,
        )
        path = self._spool.path_of(standing.name.of_window(made.number))
        link = write_window(path, head, made.pages)
        self._keep(
            replace(
                standing,
                number=made.number,
                link=link,
                to_ms=made.at_ms,
                created=created,
                settled=settled,
                place=made.place,
                bytes_since_base=standing.bytes_since_base + path.stat().st_size,
            )
        )
        self._links[made.number] = WindowLink(link, created, settled)
        self._links.pop(made.number - RECENT_MAX, None)

    def has_base(self, base: Base, base_bytes: int) -> None:
        """Raises OSError."""
        with self._working:
            if self.standing is not None and self.standing.name == base.name:
                self._keep(
                    replace(
                        self.standing,
                        base_at_ms=base.at_ms,
                        base_bytes=base_bytes,
                        bytes_since_base=0,
                    )
                )

    def close(self, path: str) -> None:
        """The file was closed in order, and all of it is in windows. Raises OSError."""
        mark = mark_of(path)
        if mark is None:
            self.end()
        elif self.standing is not None:
            self._keep(replace(self.standing, closed=mark))

    def end(self) -> None:
        """No window comes after those that are there. Raises OSError."""
        self.standing = None
        self._spool.end_chain()

    def _counted(self) -> tuple[int, int]:
        (created, settled), before = self._figures(), self._figures_before
        return max(0, created - before[0]), max(0, settled - before[1])

    def _keep(self, standing: ChainStanding) -> None:
        self._spool.keep(standing)
        self.standing = standing


def _is_as_left(known: ChainStanding, database: Database) -> bool:
    """Whether nobody has opened or changed the file since, as far as that can be told without the
    log. Of a crash the log tells the rest: its salts and sums must go on from the place noted."""
    if known.chain.file_id != database.file_id or known.openings != database.openings:
        return False
    return known.closed == database.found
