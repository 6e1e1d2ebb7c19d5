"""Brings a moment of an archive back as a file: its base, then the windows up to that moment."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from spooled_lite.archive.apply import apply_all
from spooled_lite.archive.chain import Base
from spooled_lite.archive.reach import Reach
from spooled_lite.archive.window import WholeWindow
from spooled_lite.backups.restore import Restored, restore
from spooled_lite.backups.shelf import find
from spooled_lite.outbound.stores import Store


class Way(Struct, frozen=True):
    """What is restored: a base, and the windows after it up to a moment."""

    reach: Reach
    base: Base
    windows: Iterator[WholeWindow]  # see `windows_after`


class RestoredMoment(Struct, frozen=True):
    file: Restored
    at_ms: int  # everything in it was committed by then
    number: int  # of the last window
    windows: int  # that were applied
    created: int  # as in a window
    settled: int


def restore_moment(
    store: Store,
    way: Way,
    path: str,
    *,
    prepare: Callable[[str], None],
    replaces: bool,
    now_ms: int,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> RestoredMoment:
    """Write a moment to `path`, on the disk and checked. Blocks. As `restore`.

    Raises:
        RestoreFailed: a window or the base is not whole, there is no room, …
    """
    base = way.base
    last: list[WholeWindow | None] = []

    def prepare_moment(partial: str) -> None:
        on_stage("applying windows to")
        last.append(apply_all(partial, way.windows))
        on_stage("preparing")
        prepare(partial)

    done = restore(
        store,
        find(store, base.backup),
        path,
        prepare=prepare_moment,
        replaces=replaces,
        now_ms=now_ms,
        on_stage=on_stage,
    )
    window = last[0]
    if window is None:
        return RestoredMoment(done, base.at_ms, base.number, 0, base.created, base.settled)
    head = window.head
    return RestoredMoment(
        done, head.to_ms, head.number, head.number - base.number, head.created, head.settled
    )
