"""Reading an inbox, which marks nothing."""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.inbox import statements
from spooled_lite.core.inbox.records import READ_BYTES_MAX
from spooled_lite.core.inbox.statements import NotificationRow
from spooled_lite.core.jobs.passes import fitting
from spooled_lite.storage.transaction import Reading


class InboxPage(Struct, frozen=True):
    """A part of an inbox, and the number to go on behind."""

    rows: Sequence[NotificationRow]
    cursor: int


def unseen(tx: Reading, org: int, identity: str, *, after: int, limit: int) -> InboxPage:
    """What the identity has not seen and what has not expired, from the oldest on.

    It has fewer rows than the limit when they are large, and none only at the end.

    Contract: catbird-capabilities, N2.
    """
    asked = {"org": org, "identity": identity, "after": after}
    rows = tx.rows(statements.UNSEEN, {**asked, "limit": limit, "now_ms": tx.now_ms})
    return _page(rows, after)


def seen(tx: Reading, org: int, identity: str, *, before: int, limit: int) -> InboxPage:
    """What the identity has seen and what is still kept, from the newest on."""
    asked = {"org": org, "identity": identity, "before": before}
    rows = tx.rows(statements.SEEN, {**asked, "limit": limit, "now_ms": tx.now_ms})
    return _page(rows, before)


def _page(rows: Sequence[NotificationRow], cursor: int) -> InboxPage:
    kept = rows[: fitting([len(row["message"] or "") for row in rows], READ_BYTES_MAX)]
    return InboxPage(kept, kept[-1]["id"] if kept else cursor)
