"""What a world remembers for tests: the newest of each kind, bounded in number and in bytes."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class _Kept(Struct, Generic[T], frozen=True, gc=False):
    it: T
    n: int
    org: int | None
    size_bytes: int


class Newest(Generic[T]):
    """The oldest make room for the newest. `org` is whose they are; None: nobody's, or all."""

    def __init__(self, count_max: int, bytes_max: int) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._kept: deque[_Kept[T]] = deque()
        self._size_bytes = 0
        self.last_n = 0  # the number of the newest one; never used again
        self._changed: asyncio.Event | None = None  # while somebody waits
        self.dropped = 0  # how many made room since `clear`

    def add(self, it: T, org: int | None, size_bytes: int) -> None:
        """As number `last_n` + 1."""
        self.last_n += 1
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        self._kept.append(_Kept(it, self.last_n, org, size_bytes))
        self._size_bytes += size_bytes
        while len(self._kept) > self._count_max or self._size_bytes > self._bytes_max:
            self._size_bytes -= self._kept.popleft().size_bytes
            self.dropped += 1

    def changed(self) -> asyncio.Event:
        """Is set when the next one is added."""
        if self._changed is None:
            self._changed = asyncio.Event()
        return self._changed

    def after(self, n: int, org: int | None) -> Iterator[T]:
        """Those with a higher number, the oldest first: of an organization and nobody's; or all."""
        return (each.it for each in self._kept if each.n > n and _is_seen(each, org))

    def clear(self, org: int | None) -> None:
        """Forget what `after` would give."""
        self._kept = deque(each for each in self._kept if not _is_seen(each, org))
        self._size_bytes = sum(each.size_bytes for each in self._kept)
        self.dropped = 0


def _is_seen(kept: _Kept[T], org: int | None) -> bool:
    return org is None or kept.org is None or kept.org == org
