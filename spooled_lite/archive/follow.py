"""Windows as they come into an archive: for a copy that follows the server."""

from collections.abc import Callable, Iterator

from spooled_lite.archive.chain import BadArchive, Base, bases_in
from spooled_lite.archive.reach import Reach, window_at
from spooled_lite.archive.window import BadWindow, WholeWindow
from spooled_lite.outbound.stores import NotStored, Store, StoreTrouble


class ChainEnded(Exception):
    """The server has begun a new chain. It is followed from its base."""


def windows_as_they_come(
    store: Store, reach: Reach, base: Base, *, pause: Callable[[StoreTrouble | None], bool]
) -> Iterator[WholeWindow]:
    """The windows after a base, each checked. `pause` waits when there is none, and says whether to
    go on; it is told when the store could not be read.

    Raises:
        ChainEnded: no more come.
        BadArchive: a window is missing, changed or another.
    """
    number, link = base.number, base.link
    trouble: StoreTrouble | None = None
    while True:
        try:
            window = _next(store, reach, number)
        except BadArchive:
            raise
        except StoreTrouble as error:
            window, trouble = None, error
        if window is not None:
            if window.head.before != link:
                raise BadWindow(f"window {number + 1:,}: it does not follow the one before it")
            yield window
            number, link, trouble = number + 1, window.hash, None
        elif not pause(trouble):
            return


def _next(store: Store, reach: Reach, number: int) -> WholeWindow | None:
    """None: it is not there yet. Raises: as `windows_as_they_come`; StoreTrouble."""
    try:
        return window_at(store, reach.name, number + 1)
    except NotStored:
        pass
    try:
        window_at(store, reach.name, number + 2)
    except NotStored:
        newest = bases_in(store, reach.name.file_id)[-1]
        if newest.name > reach.name:
            raise ChainEnded from None
        return None
    raise BadWindow(f"window {number + 1:,} is missing")
