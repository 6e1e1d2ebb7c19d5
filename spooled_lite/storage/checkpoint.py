"""When the writing thread moves the log into the file: nobody else does (see design, 3.1)."""

import logging
import sqlite3
from typing import Final

from spooled_lite.storage.file_guard import FileWatch

logger = logging.getLogger(__name__)

PASSIVE_CHANGES: Final = 20_000  # rows changed before the log is moved, readers undisturbed
PASSIVE_BYTES: Final = 16 * 1024 * 1024  # or this much growth of the log, whichever comes first
# A log this long is emptied even under load. A passive checkpoint lets the log be written from its
# start again and not shorten, so its growth is noticed later each time; this bounds it.
TRUNCATE_BYTES: Final = 64 * 1024 * 1024
# While room is wanted on the disk the log is kept this short: settlements and purges need the room.
SHORT_BYTES: Final = 1024 * 1024
IDLE_SECONDS: Final = 1.0  # of silence before the log is emptied


class Checkpointer:
    """Decides between batches. A checkpoint that fails is tried again later: the log is enough."""

    def __init__(self, file: FileWatch) -> None:
        self._file = file
        self._has_log = True
        self._bytes_before = 0
        self._changes_before = 0
        self._was_short = False

    def wait_seconds(self) -> float | None:
        """How long to wait for requests before the log may be emptied; None: no matter."""
        return IDLE_SECONDS if self._has_log else None

    def after_batch(
        self, connection: sqlite3.Connection, *, idle: bool, short: bool = False
    ) -> None:
        wal_bytes = self._file.wal_bytes()
        if idle:
            # Tried once per silence: a reader in the way is no reason to wake up every second.
            self._has_log = False
            if wal_bytes:
                self._checkpoint(connection, "TRUNCATE")
            return
        self._has_log = True
        if short and not self._was_short:
            self._bytes_before = 0
        self._was_short = short
        self._bytes_before = min(self._bytes_before, wal_bytes)  # SQLite shortens it by itself
        if (
            connection.total_changes - self._changes_before >= PASSIVE_CHANGES
            or wal_bytes - self._bytes_before >= (SHORT_BYTES if short else PASSIVE_BYTES)
        ):
            # Truncating waits for the readers in its way, so it is not tried at every batch.
            is_long = wal_bytes >= (SHORT_BYTES if short else TRUNCATE_BYTES)
            self._checkpoint(connection, "TRUNCATE" if is_long else "PASSIVE")

    def at_close(self, connection: sqlite3.Connection) -> None:
        self._checkpoint(connection, "TRUNCATE")

    def _checkpoint(self, connection: sqlite3.Connection, mode: str) -> None:
        try:
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except sqlite3.Error as error:
            logger.warning("a checkpoint failed and will be tried again: %s", error)
        self._changes_before = connection.total_changes
        self._bytes_before = self._file.wal_bytes()
