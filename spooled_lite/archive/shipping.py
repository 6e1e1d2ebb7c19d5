"""Puts windows from the spool into the store, in order, unless another server writes there."""

from collections.abc import Callable

from msgspec import Struct

from spooled_lite.archive.chain import newer_chain
from spooled_lite.archive.names import ChainName, window_of
from spooled_lite.archive.reach import window_at
from spooled_lite.archive.spool import ChainStanding, Spool
from spooled_lite.archive.window import BadWindow, WholeWindow, read_window
from spooled_lite.outbound.stores import AlreadyStored, Store, Stored
from spooled_lite.times import format_ms


class SecondWriter(Exception):
    """Another server writes the archive of this file. The message says what it has done."""


class Shipped(Struct, frozen=True):
    """A window that is in the store."""

    name: str
    bytes: int
    to_ms: int


def ship(
    spool: Spool,
    store: Store,
    standing: ChainStanding | None,
    on_shipped: Callable[[Shipped], None],
) -> None:
    """Put all that waits into the store. `on_shipped` is told of each window.

    Raises:
        SecondWriter: another server began a newer chain of this file, or has written this one.
        BadWindow: one of the chain under way is damaged in the spool.
        StoreTrouble, OSError: it goes on waiting.
    """
    waiting = [(each, parsed) for each in spool.waiting() if (parsed := window_of(each.name))]
    if standing is not None and any(name == standing.name for _, (name, _) in waiting):
        _check_newest(store, standing)
    number_before: dict[ChainName, int] = {}
    for each, (name, number) in waiting:
        if standing is not None and name == standing.name and number > standing.number:
            continue  # it does not count yet
        try:
            if number_before.setdefault(name, number - 1) != number - 1:
                raise BadWindow(f"window {number - 1:,} is missing in {spool.folder}")
            number_before[name] = number
            window = read_window(spool.path_of(each.name).read_bytes(), each.name)
        except BadWindow:
            if standing is not None and name == standing.name:
                raise
            spool.drop_chain(name)  # nothing could follow it
            return
        _put(spool, store, name, number, window, each)
        spool.drop(each.name)
        on_shipped(Shipped(each.name, each.bytes, window.head.to_ms))


def _check_newest(store: Store, standing: ChainStanding) -> None:
    newer = newer_chain(store, standing.name)
    if newer is not None:
        raise SecondWriter(
            f"another server began chain {newer.chain} of this file in {store.where} at"
            f" {format_ms(newer.began_ms)}, with version {newer.program}"
        )


def _put(
    spool: Spool, store: Store, name: ChainName, number: int, window: WholeWindow, each: Stored
) -> None:
    # Under a second name, since a folder takes the file itself: a crash would lose it on the way.
    sent = spool.second_name(each.name)
    try:
        store.put(each.name, sent)
    except AlreadyStored:
        # By this server, which ended before it knew; or by another one.
        if window_at(store, name, number).hash != window.hash:
            raise SecondWriter(
                f"another server has put window {number:,} of chain {name.chain} into {store.where}"
            ) from None
    finally:
        sent.unlink(missing_ok=True)
