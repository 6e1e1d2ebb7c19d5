"""Makes a base: a backup of the moment at which a window ends, or a chain begins."""

import sqlite3
from collections.abc import Callable

from msgspec import Struct

from spooled_lite.archive.chain import Base, Chain, store_base
from spooled_lite.archive.chain_writer import ChainWriter, WindowLink
from spooled_lite.backups.copies import BackupFailed, Work, back_up_running
from spooled_lite.storage.database import Database
from spooled_lite.storage.log_frames import LogPlace
from spooled_lite.storage.log_index import LogUnknown
from spooled_lite.storage.log_reader import Cut, LogReader
from spooled_lite.storage.pin import PinLimits, begin_now
from spooled_lite.storage.transaction import Tx


class BaseMoment(Struct, frozen=True):
    """Where a base begins."""

    at_ms: int
    place: LogPlace | Cut | None  # where the chain begins, or the window ends; None: not known


class BaseWork(Struct, frozen=True):
    """What a base is made with."""

    database: Database
    writer: ChainWriter
    work: Work
    limits: PinLimits
    # Runs `begin_base` with these arguments on the writing thread, and waits for it.
    begin: Callable[[LogReader, sqlite3.Connection, bool], BaseMoment]
    read: Callable[[], int]  # has all windows that have ended in the spool


def begin_base(
    tx: Tx, reader: LogReader, connection: sqlite3.Connection, begins_chain: bool
) -> BaseMoment:
    """Let `connection` read the last commit, at which the window ends. On the writing thread: no
    commit can come between."""
    begin_now(connection)
    try:
        return BaseMoment(tx.now_ms, reader.begin() if begins_chain else reader.cut())
    except LogUnknown as error:
        reader.give_up(str(error))
        return BaseMoment(tx.now_ms, None)


def make_base(of: BaseWork, chain: Chain, *, begins_chain: bool) -> Base:
    """Make a base of a running server's file and put it into the store. Blocks, on a thread of its
    own.

    Raises:
        BackupFailed: there is no base; the message says why. The chain may have begun.
        StoreTrouble, OSError: likewise.
    """
    began: list[
        tuple[int, int, WindowLink]
    ] = []  # when, at the end of which window, with which link

    def begin(connection: sqlite3.Connection) -> None:
        moment = of.begin(of.database.writer.log_reader, connection, begins_chain)
        if isinstance(moment.place, LogPlace):
            of.writer.begin(chain, of.database.openings + 1, moment.place)
            number: int | None = 0
        elif moment.place is not None:
            of.read()
            number = moment.place.number
        else:
            number = None
        link = None if number is None else of.writer.link_of(number)
        if number is None or link is None:
            raise BackupFailed("the log cannot be followed")
        began.append((moment.at_ms, number, link))

    pin = of.database.pin(of.limits, is_stopping=of.work.is_stopping, begin=begin)
    manifest = back_up_running(pin, of.work)
    at_ms, number, link = began[0]
    base = Base(
        file_id=chain.file_id,
        chain=chain.chain,
        number=number,
        link=link.hash,
        at_ms=at_ms,
        backup=manifest.name,
        created=link.created,
        settled=link.settled,
    )
    store_base(of.work.store, base)
    of.writer.has_base(base, manifest.packed_bytes)
    return base
