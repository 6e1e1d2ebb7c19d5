"""The file as the writing thread has it open, and the measures for a storage that fails."""

import contextlib
import logging
import os
import resource
import sqlite3
import time
from collections.abc import Callable
from typing import Final

from spooled_lite.errors import OutageReason, Unavailable
from spooled_lite.storage.connection import STEPS_BETWEEN_LOOKS, Durability, open_writer
from spooled_lite.storage.file_guard import WAL_SUFFIX, FileWatch, length_of
from spooled_lite.storage.log_sync import LogSync, write_log_again
from spooled_lite.storage.trouble import (
    SAY_AGAIN_SECONDS,
    file_damaged,
    file_gone,
    is_corrupt,
    is_interrupted,
    log_gone,
    reason_of,
    reason_of_os,
    unavailable,
)

logger = logging.getLogger(__name__)

TROUBLE_PAUSE_SECONDS: Final = 1.0  # before something the storage refused is tried again unasked
# A file that was found whole is not read from end to end again so soon: it may be large, and the
# storage may fail at every batch.
CHECK_AGAIN_SECONDS: Final = 600.0
PROBE_BYTES: Final = 64 * 1024
NEAR_LIMIT_BYTES: Final = 64 * 1024 * 1024  # a batch and its log are shorter


class OpenFile:
    """The writing connection. Everything runs on the writing thread, but `is_well`."""

    def __init__(
        self,
        path: str,
        durability: Durability,
        connection: sqlite3.Connection,
        *,
        before_reopen: Callable[[], None],
        after_reopen: Callable[[], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        self.connection = connection
        self.watch = FileWatch(path)
        self.log = LogSync(path, is_needed=durability == "normal")
        self.failed: Unavailable | None = None  # nothing is written until a restart
        self._path = path
        self._durability: Durability = durability
        self._before_reopen = before_reopen
        self._after_reopen = after_reopen
        self._is_stopping = is_stopping
        self._reopen_at: float | None = None  # the storage failed: when to open the file again
        self._closed_for: OutageReason = "storage_error"  # what stands in the way of opening it
        self._read_only_until: float | None = None  # when to look whether it can be written again
        self._checked_at = -CHECK_AGAIN_SECONDS
        self._said: tuple[str, float] = ("", 0.0)

    @property
    def is_open(self) -> bool:
        """True when there is a connection to work with."""
        return self.failed is None and self._reopen_at is None

    @property
    def is_well(self) -> bool:
        return self.is_open and self._read_only_until is None and self.watch.missing() is None

    def seconds_to_trial(self) -> float | None:
        """How long until the storage is to be tried again, asked or not; None: it is well."""
        times = [at for at in (self._reopen_at, self._read_only_until) if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def refusal(self) -> Unavailable | None:
        """Why nothing can be written, if so. Opens the file again when it is time to."""
        if self.failed is None and not self.is_disturbed() and self._reopen_at is not None:
            return self._reopen(self._reopen_at)
        return self.failed

    def try_to_write(self) -> None:
        """The file was read-only at the last write: check whether it still is."""
        if self._read_only_until is not None and time.monotonic() >= self._read_only_until:
            try:
                _write_nothing(self.connection)
            except sqlite3.Error:
                self._read_only_until = time.monotonic() + TROUBLE_PAUSE_SECONDS
            else:
                self.written()

    def close(self) -> None:
        self.log.close()
        self.connection.close()

    def sync_log(self) -> bool:
        """Sync what was committed, if commits do not and it is time to. False: nothing to do."""
        try:
            return self.log.sync_if_due()
        except OSError as error:
            self._say(f"the log could not be synced: {error}; a power cut would lose what is in it")
            self._reopen_at = time.monotonic()
            self._closed_for = "storage_error"
            return True

    def written(self) -> None:
        """A commit has succeeded."""
        self.log.written()
        if self._read_only_until is not None:
            self._read_only_until = None
            logger.warning("%s can be written again", self._path)

    def trouble(self, error: sqlite3.Error, reason: OutageReason) -> Unavailable:
        """Take the measures for an error of the storage; what its callers are told."""
        if is_corrupt(error):
            self._fail_damaged(str(error))
            return unavailable(reason)
        # The frame that makes a commit comes last: when a write failed there is none.
        if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_WRITE:
            reason = why_unwritable(self._path) or reason
        self._say(f"a batch was lost: {error} ({reason})")
        if reason == "storage_error":
            self._reopen_at = time.monotonic()
            self._closed_for = reason
        elif reason == "read_only":
            self._read_only_until = time.monotonic() + TROUBLE_PAUSE_SECONDS
        return unavailable(reason)

    def is_disturbed(self) -> bool:
        """True when the file, its log or the index of the log was moved or deleted."""
        missing = self.watch.missing()
        if missing is None or self.failed is not None:
            return missing is not None
        if missing == self._path:
            logger.critical("%s was moved or deleted: put it back and restart the server", missing)
            self._fail_for_good(file_gone())
        else:
            logger.critical(
                "%s was moved or deleted while the server was running: restart the server", missing
            )
            if missing.endswith(WAL_SUFFIX):
                self._save_log()
            self._fail_for_good(log_gone())
        return True

    def _save_log(self) -> None:
        """The log has no name any more and is still open: copy it into the file, which is there."""
        try:
            row = self.connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        except sqlite3.Error as error:
            logger.critical("the contents of the log could not be saved: %s", error)
            return
        if row[0]:  # a reader is in the way; closing the file copies the rest
            logger.critical(
                "the log is not completely saved: stop the server with SIGTERM, do not kill it"
            )
        else:
            logger.warning("the contents of the log were copied into the file")

    def _reopen(self, at: float) -> Unavailable | None:
        """After an I/O error: close everything, open again, recover, check, then accept again."""
        if time.monotonic() < at:
            return unavailable(self._closed_for)
        self.watch.closed()
        self.close()
        self._before_reopen()
        try:
            write_log_again(self._path)
            self.connection = open_writer(self._path, self._durability)
            _write_nothing(self.connection)
            verdict = self._checked()
        except OSError as error:
            return self._try_again_later(error, reason_of_os(error))
        except sqlite3.Error as error:
            if is_interrupted(error):
                return self._try_again_later(error, "shutting_down")
            if not is_corrupt(error):
                return self._try_again_later(error, reason_of(error))
            verdict = str(error)
        self._reopen_at = None
        if verdict != "ok":
            self._fail_damaged(verdict)
        else:
            self.watch.opened()
            logger.warning("the file was opened again and is intact")
            # What the lost batch did is unknown: every cache in memory has to be read anew.
            self._after_reopen()
        return self.failed

    def _try_again_later(self, error: Exception, reason: OutageReason | None) -> Unavailable:
        self._reopen_at = time.monotonic() + TROUBLE_PAUSE_SECONDS
        if reason == "shutting_down":
            return unavailable(reason)
        self._closed_for = reason or "storage_error"
        self._say(f"opening the file again failed: {error} ({self._closed_for})")
        return unavailable(self._closed_for)

    def _checked(self) -> str:
        """Read the file from end to end, unless that was done a short while ago. A stop ends it."""
        if time.monotonic() - self._checked_at < CHECK_AGAIN_SECONDS:
            return "ok"
        self.connection.set_progress_handler(self._is_stopping, STEPS_BETWEEN_LOOKS)
        try:
            verdict: str = self.connection.execute("PRAGMA quick_check(1)").fetchall()[0][0]
        finally:
            self.connection.set_progress_handler(None, 0)
        self._checked_at = time.monotonic()
        return verdict

    def _fail_damaged(self, verdict: str) -> None:
        logger.critical("the file is damaged (%s): stop the server and restore a backup", verdict)
        self._fail_for_good(file_damaged())

    def _fail_for_good(self, refusal: Unavailable) -> None:
        self.failed = refusal
        self._reopen_at = self._read_only_until = None

    def _say(self, words: str) -> None:
        """Log an error that every batch meets at most once in SAY_AGAIN_SECONDS."""
        said, at = self._said
        if words != said or time.monotonic() - at >= SAY_AGAIN_SECONDS:
            self._said = (words, time.monotonic())
            logger.error("%s", words)


def why_unwritable(path: str) -> OutageReason | None:
    """Why the system refuses to write the file, found out beside it; None when it does not."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    longest = max(length_of(path), length_of(path + WAL_SUFFIX))
    if limit != resource.RLIM_INFINITY and longest + NEAR_LIMIT_BYTES > limit:
        return "storage_full"
    probe = f"{path}.probe"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(PROBE_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return reason_of_os(error)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
    return None


def _write_nothing(connection: sqlite3.Connection) -> None:
    """Commit a page without changing it: raises when the file cannot be written."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute(f"PRAGMA user_version = {version}")
