"""Makes one backup: pins a moment, copies it, checks the copy, packs it, puts it into a store."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from spooled_lite import __version__
from spooled_lite.backups.facts import Facts, FileFailed, facts_of, problems_of_copy
from spooled_lite.backups.manifest import (
    BACKUP_PREFIX,
    BAD_SUFFIX,
    PACKED_SUFFIX,
    BadManifest,
    Manifest,
    decode,
    encode,
    manifest_name,
    stem_of,
)
from spooled_lite.backups.packing import Sums, pack
from spooled_lite.backups.sending import STORE_FAILURES, Unsent, put_both, put_or_keep
from spooled_lite.outbound.stores import PARTIAL_PREFIX, NotStored, Store
from spooled_lite.storage.connection import STEPS_BETWEEN_LOOKS
from spooled_lite.storage.copy import CopyPace, copy_file, lower_priority
from spooled_lite.storage.copy_room import NoRoom, check_room
from spooled_lite.storage.file_guard import give_to_owner_of
from spooled_lite.storage.pin import Pin, PinLost
from spooled_lite.times import format_ms

Stage = Literal["copying", "checking", "packing", "storing"]


class BackupFailed(Exception):
    """No backup was made. The message says why, and what was left where."""


class CopyProgress(Struct, frozen=True):
    stage: Stage
    done_bytes: int
    all_bytes: int


class Work(Struct, frozen=True, kw_only=True):
    """Where and how a backup is made."""

    store: Store
    folder: Path  # for what is not in the store yet, see `spool_of`
    now_ms: Callable[[], int]
    bytes_per_second: int  # 0: as fast as it goes
    on_progress: Callable[[CopyProgress], None]  # what it raises ends the work
    is_stopping: Callable[[], bool] = lambda: False  # asked often, also amid a check
    is_disk_low: Callable[[], bool] = lambda: False  # of the server's file, which comes first
    keeps_unsent: bool = True  # when the store cannot be reached


class _Draft(Struct, frozen=True):
    """A copy that is being made, and what its source holds."""

    copy: Path
    packed: Path
    note: Path  # the manifest while the store takes the parts, for the one after a crash
    facts: Facts
    made_at_ms: int


def back_up_running(pin: Pin, work: Work) -> Manifest:
    """Make a backup of a file beside its server, on a thread of its own. Blocks.

    Raises:
        BackupFailed: nothing of it is in the store.
    """
    lower_priority()
    with _named_failures(), contextlib.ExitStack() as stack:
        with pin:
            pin.connection.set_progress_handler(work.is_stopping, STEPS_BETWEEN_LOOKS)
            draft = stack.enter_context(_draft(pin.connection, work))

            def step(done: int, all_bytes: int) -> None:
                pin.check()
                work.on_progress(CopyProgress("copying", done, all_bytes))

            pace = CopyPace(work.bytes_per_second)
            copy_file(pin.connection, str(draft.copy), pace=pace, on_step=step)
        return _stored(draft, work)


def back_up_file(
    connection: sqlite3.Connection, work: Work, why_over: Callable[[], str | None] = lambda: None
) -> Manifest:
    """Make a backup from outside the server, if there is one. `connection` may only read.

    Its read transaction pins the moment. The server cannot be told, and finds out that somebody
    keeps its log from being emptied. `why_over` is asked at each step: a reason to give it up.

    Raises:
        BackupFailed: nothing of it is in the store.
    """

    def step(done: int, all_bytes: int) -> None:
        if reason := why_over():
            raise PinLost(reason)
        work.on_progress(CopyProgress("copying", done, all_bytes))

    with _named_failures(), contextlib.ExitStack() as stack:
        connection.execute("BEGIN")
        try:
            draft = stack.enter_context(_draft(connection, work))
            pace = CopyPace(work.bytes_per_second)
            copy_file(connection, str(draft.copy), pace=pace, on_step=step)
        finally:
            connection.execute("ROLLBACK")
        return _stored(draft, work)


@contextmanager
def _draft(connection: sqlite3.Connection, work: Work) -> Iterator[_Draft]:
    """Where the copy of the moment that `connection` reads is made; nothing stays there.

    Raises:
        BackupFailed: there is no room, or another backup of the file is being made there.
    """
    made_at_ms = work.now_ms()
    facts = facts_of(connection)
    check_room(facts.bytes, work.folder)
    copy = work.folder / f"{PARTIAL_PREFIX}{facts.file_id}"
    journal, packed, note = (
        work.folder / f"{copy.name}{suffix}" for suffix in ("-journal", ".gz", ".note")
    )
    with _alone(work.folder / f"{copy.name}.lock"):
        try:
            _remove_half_stored(note, work.store)
            for each in (copy, journal, packed):
                each.unlink(missing_ok=True)  # left by a crash
            yield _Draft(copy, packed, note, facts, made_at_ms)
        finally:
            for each in (copy, journal, packed):
                each.unlink(missing_ok=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock, whose file stays: who waits for it would otherwise hold one without a name."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner_of(str(lock.parent), descriptor)  # the server is to hold it, too
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            since = format_ms(int(os.fstat(descriptor).st_mtime * 1000))
            raise BackupFailed(f"a backup has been under way since {since}") from None
        os.utime(descriptor)
        yield
    finally:
        os.close(descriptor)


def _stored(draft: _Draft, work: Work) -> Manifest:
    """Check, pack and store a copy. The store has a backup when its manifest is there."""
    facts = draft.facts
    work.on_progress(CopyProgress("checking", 0, facts.bytes))
    found = problems_of_copy(draft.copy, facts, work.now_ms(), work.is_stopping)
    _go_on(work)
    if found:
        # One of each file: while it is damaged every try makes one, and the disk would fill up.
        bad = draft.copy.with_name(f"{BACKUP_PREFIX}{facts.file_id}{BAD_SUFFIX}")
        draft.copy.replace(bad)
        raise BackupFailed("\n".join(["the copy is not whole:", *found, f"it is kept: {bad}"]))
    verified_at_ms = work.now_ms()
    work.on_progress(CopyProgress("packing", 0, facts.bytes))
    pace = CopyPace(work.bytes_per_second)
    sums = pack(draft.copy, draft.packed, pace, on_chunk=lambda: _go_on(work))
    work.on_progress(CopyProgress("storing", 0, sums.packed_bytes))
    manifest = _manifest(draft, sums, verified_at_ms)
    draft.note.write_bytes(encode(manifest))
    try:
        if work.keeps_unsent:
            put_or_keep(draft.packed, manifest, work.store, work.folder)
        else:
            put_both(draft.packed, manifest, work.store)
    except Unsent:
        draft.note.unlink()  # what the store took of it is sent to the end later
        raise
    draft.note.unlink()
    return manifest


def _remove_half_stored(note: Path, store: Store) -> None:
    """Remove what the store took of a backup before a crash, unless it took all of it."""
    with contextlib.suppress(FileNotFoundError, BadManifest):
        manifest = decode(note.read_bytes(), name=None)
        try:
            store.read(manifest_name(manifest.name))
        except NotStored:
            store.delete(manifest.name)
            store.delete(manifest_name(manifest.name))  # what of it has no name yet
    note.unlink(missing_ok=True)


def _go_on(work: Work) -> None:
    if work.is_stopping():
        raise BackupFailed("the server is stopping")
    if work.is_disk_low():
        raise BackupFailed("the disk is nearly full")


def _manifest(draft: _Draft, sums: Sums, verified_at_ms: int) -> Manifest:
    facts = draft.facts
    return Manifest(
        name=f"{stem_of(draft.made_at_ms, sums.sha256)}{PACKED_SUFFIX}",
        made_at=format_ms(draft.made_at_ms),
        program=__version__,
        schema=facts.schema,
        readable_by=facts.readable_by,
        file_id=facts.file_id,
        bytes=sums.bytes,
        pages=facts.pages,
        sha256=sums.sha256,
        packed_bytes=sums.packed_bytes,
        packed_sha256=sums.packed_sha256,
        rows=facts.rows,
        last_event=facts.last_event,
        verified_at=format_ms(verified_at_ms),
    )


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, FileFailed, NoRoom, PinLost, *STORE_FAILURES) as error:
        raise BackupFailed(str(error)) from error
