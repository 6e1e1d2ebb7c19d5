"""Makes the file smaller when the disk is full and creates are refused."""

import logging
import sqlite3
from typing import Final

from spooled_lite.storage.disk_room import GIVE_BACK_PAGES, DiskRoom

# The library takes one step of a pragma that answers without columns, and a step is a page: asked
# for more, it gives one back all the same.
GIVE_BACK_PAGE: Final = "PRAGMA incremental_vacuum(1)"

logger = logging.getLogger(__name__)


def shrink(connection: sqlite3.Connection, room: DiskRoom) -> bool:
    """Give some free pages of the file back to the disk, if room is wanted. True: call it again.

    One pass holds the writing thread for some milliseconds. It changes nothing that is stored, so
    one that fails is forgotten, and tried again after the next batch.
    """
    try:
        if not room.can_give_back(connection):
            return False
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(GIVE_BACK_PAGES):
            connection.execute(GIVE_BACK_PAGE)
        connection.execute("COMMIT")
        # The file is cut when the log is copied into it; readers are not waited for.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return room.can_give_back(connection)
    except sqlite3.Error as error:
        logger.warning("giving room back to the disk failed and will be tried again: %s", error)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return False
