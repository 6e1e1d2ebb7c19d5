"""A moment of the file that stays readable, whatever is written meanwhile: what a backup copies."""

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final, Self

from msgspec import Struct

from spooled_lite.storage.connection import open_reader

# While a moment is pinned the log can only grow, so it is let go of after this time.
PIN_SECONDS_MAX: Final = 600.0


class PinLost(Exception):
    """The moment cannot be kept any longer. The message says why."""


class PinLimits(Struct, frozen=True, kw_only=True):
    seconds_max: float = PIN_SECONDS_MAX
    wal_bytes_max: int = 2 * 1024**3  # how long the log may get meanwhile


class Pins:
    """Counts the moments that are pinned. The writing thread does not empty the log meanwhile."""

    def __init__(self, on_last: Callable[[], None]) -> None:
        """`on_last` is called when the last one is let go of."""
        self._on_last = on_last
        self._lock = threading.Lock()
        self._count = 0

    def any(self) -> bool:
        return self._count > 0

    def taken(self) -> None:
        with self._lock:
            self._count += 1

    def let_go(self) -> None:
        with self._lock:
            self._count -= 1
            is_last = not self._count
        if is_last:
            self._on_last()


Begin = Callable[[sqlite3.Connection], None]


def begin_now(connection: sqlite3.Connection) -> None:
    """Begin to read the last commit."""
    connection.execute("BEGIN")
    # The transaction begins with the first read, not with BEGIN.
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


class Pin:
    """A read transaction on a connection of its own, for one thread. Used as a context manager.

    The moment is that of the last commit before it was entered. All that is read through
    `connection` is of that moment.
    """

    def __init__(
        self,
        path: str,
        pins: Pins,
        why_over: Callable[[], str | None],
        begin: Begin = begin_now,
    ) -> None:
        """`why_over` is asked by `check`: a reason to let go of the moment, or None. `begin` begins
        the transaction, perhaps on another thread."""
        self._path = path
        self._pins = pins
        self._why_over = why_over
        self._begin = begin
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        assert self._connection is not None, "the moment is pinned"
        return self._connection

    def check(self) -> None:
        """Raises PinLost when the moment has to be let go of. Asked between steps of a copy."""
        reason = self._why_over()
        if reason is not None:
            raise PinLost(reason)

    def __enter__(self) -> Self:
        # Counted first: from now on no checkpoint waits for this reader to leave.
        self._pins.taken()
        try:
            self._connection = open_reader(self._path)
            self._begin(self._connection)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        finally:
            self._pins.let_go()


def why_over(
    limits: PinLimits,
    *,
    is_stopping: Callable[[], bool],
    is_disk_low: Callable[[], bool],
    is_well: Callable[[], bool],
    wal_bytes: Callable[[], int],
) -> Callable[[], str | None]:
    """Says why a moment that is pinned now has to be let go of, or None."""
    until = time.monotonic() + limits.seconds_max

    def asked() -> str | None:
        if is_stopping():
            return "the server is stopping"
        if not is_well():
            return "the storage is failing"
        if is_disk_low():
            return "the disk is nearly full"
        if wal_bytes() > limits.wal_bytes_max:
            return f"the log has grown beyond {limits.wal_bytes_max // 2**20} MiB"
        if time.monotonic() > until:
            return f"it took longer than {limits.seconds_max:.0f} seconds"
        return None

    return asked
