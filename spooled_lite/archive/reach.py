"""Which moments of a file an archive can bring back, and the way to one of them."""

from collections.abc import Callable, Iterator
from itertools import chain, islice, pairwise
from typing import Final

from msgspec import Struct

from spooled_lite.archive.chain import BadArchive, Base, bases_in
from spooled_lite.archive.names import ChainName, window_of
from spooled_lite.archive.window import (
    WINDOW_FILE_BYTES_MAX,
    BadWindow,
    WholeWindow,
    read_window,
)
from spooled_lite.outbound.stores import NotStored, Store, StoreTrouble
from spooled_lite.times import format_ms

FILES_NAMED_MAX: Final = 5  # in a message


class OutOfReach(StoreTrouble):
    """No moment of this kind can be brought back. The message says which can."""


class Reach(Struct, frozen=True):
    """The windows of one chain that stand in the store."""

    name: ChainName
    bases: list[Base]
    numbers: list[int]
    bytes: int

    @property
    def newest(self) -> int:
        return self.numbers[-1] if self.numbers else self.bases[-1].number

    def missing(self, at_most: int) -> list[int]:
        """The first windows that are not there but should be. One may have any number at all, so
        those between are not gone through."""
        there = [each for each in self.numbers if each > self.bases[0].number]
        gaps = (range(a + 1, b) for a, b in pairwise([self.bases[0].number, *there]))
        return list(islice(chain.from_iterable(gaps), at_most))


def reaches(
    store: Store,
    file_id: str | None = None,
    *,
    on_bad: Callable[[BadArchive], None] | None = None,
) -> list[Reach]:
    """Of each chain with a base, the oldest first. `on_bad`: as in `bases_in`.

    Raises StoreTrouble.
    """
    of_chain: dict[ChainName, list[Base]] = {}
    for base in bases_in(store, file_id, on_bad=on_bad):
        of_chain.setdefault(base.name, []).append(base)
    found = []
    for name, bases in of_chain.items():
        stored = store.list(name.windows)
        numbers = [parsed[1] for each in stored if (parsed := window_of(each.name)) is not None]
        found.append(Reach(name, bases, numbers, sum(each.bytes for each in stored)))
    return found


def file_in(found: list[Reach], store: Store) -> str:
    """The file that the archive is of.

    Raises OutOfReach: of none, or of several.
    """
    files = sorted({each.name.file_id for each in found})
    if not files:
        raise OutOfReach(f"{store.where}: no archive has a base here")
    if len(files) > 1:
        shown = ", ".join(files[:FILES_NAMED_MAX])
        raise OutOfReach(
            f"{store.where} has archives of {len(files)} files, so name one with --file: {shown}"
        )
    return files[0]


def way_to(found: list[Reach], to_ms: int | None) -> tuple[Reach, Base]:
    """As `ways_to`, the shortest way."""
    return ways_to(found, to_ms)[0]


def ways_to(found: list[Reach], to_ms: int | None) -> list[tuple[Reach, Base]]:
    """The chain and the base to begin with, to come to the last moment up to `to_ms`, and then the
    older bases of that chain, which lead to the same moment when the first one is spoiled.

    Raises OutOfReach: that is before all that is kept.
    """
    bases = [(base.at_ms, each.name, base, each) for each in found for base in each.bases]
    usable = [each for each in bases if to_ms is None or each[0] <= to_ms]
    if not usable:
        oldest = min(each[0] for each in bases)
        raise OutOfReach(f"the archive begins at {format_ms(oldest)}")
    usable.sort(key=lambda each: each[:2], reverse=True)
    chain_name = usable[0][1]
    return [(reach, base) for _, name, base, reach in usable if name == chain_name]


def windows_after(
    store: Store, reach: Reach, base: Base, to_ms: int | None
) -> Iterator[WholeWindow]:
    """The windows to apply to a base, each checked, up to the last one that ended by `to_ms`.

    Raises:
        BadWindow: one is missing, changed or another; the message names it and says what can be
            reached without it.
        StoreTrouble: the store cannot be read.
    """
    link, reached_ms = base.link, base.at_ms
    for number in range(base.number + 1, reach.newest + 1):
        if reached_ms == to_ms:
            return
        try:
            window = window_at(store, reach.name, number)
            if window.head.before != link:
                raise BadWindow(f"window {number:,}: it does not follow the one before it")
        except (BadWindow, NotStored) as error:
            said = f"window {number:,} is missing" if isinstance(error, NotStored) else str(error)
            raise BadWindow(
                f"{said}. What can be reached without it ends at {format_ms(reached_ms)}:"
                " use --to with that time"
            ) from error
        if to_ms is not None and window.head.to_ms > to_ms:
            return
        yield window
        link, reached_ms = window.hash, window.head.to_ms


def window_at(store: Store, name: ChainName, number: int) -> WholeWindow:
    """Read a window and look whether it is whole and the one that its name says.

    Raises:
        BadWindow: it is not.
        NotStored: there is none.
    """
    called = name.of_window(number)
    with store.opened(called) as file:
        text = file.read(WINDOW_FILE_BYTES_MAX + 1)
    if len(text) > WINDOW_FILE_BYTES_MAX:
        raise BadWindow(f"window {number:,} ({called}): it is too long")
    try:
        window = read_window(text, called)
    except BadWindow as error:
        raise BadWindow(f"window {number:,} is damaged ({error})") from None
    head = window.head
    if (head.file_id, head.chain, head.number) != (name.file_id, name.chain, number):
        raise BadWindow(
            f"window {number:,} ({called}): this is window {head.number:,} of chain {head.chain}"
        )
    return window
