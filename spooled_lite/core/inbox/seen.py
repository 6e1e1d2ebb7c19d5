"""Marking notifications as seen: those up to a number, or those named."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.inbox import statements
from spooled_lite.core.inbox.put import UNSEEN
from spooled_lite.core.inbox.statements import UnseenRow
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import Own, Tx

AT_ONCE_MAX: Final = 1_000  # that the operations of one batch mark up to a number


class Marked(Struct, frozen=True):
    """What one pass marked; `until` of the next one, or None when it was the last."""

    count: int
    until: int | None


class _MarkedUntil:
    """How many one operation has marked; a batch may do that several times."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


_MARKED: Final = Own(_MarkedUntil)


def mark_seen_pass(tx: Tx, org: int, identity: str, until: int) -> Marked:
    """Mark some of what is unseen up to a number, from the oldest on; call again for the rest.

    A crash between two passes leaves the oldest ones marked, and the same call goes on from there.
    Numbers that were given after the first pass are not marked by the following ones.

    Contract: catbird-capabilities, N3.
    """
    until = min(until, tx.value(statements.NEWEST) or 0)
    found = _first_up_to(tx, org, identity, until, PASS_MAX)
    return Marked(_mark_all(tx, org, found), None if len(found) < PASS_MAX else until)


def mark_seen_at_once(tx: Tx, org: int, identity: str, until: int) -> int:
    """Mark everything up to a number in this operation; how many.

    Raises RuleBroken: that would be too many.
    """
    marked = tx.own(_MARKED)
    left = AT_ONCE_MAX - marked.count
    found = _first_up_to(tx, org, identity, until, left + 1)
    if len(found) > left:
        raise RuleBroken.of(
            "until",
            f"Field `until` is about more than {left} notifications, and the operations of one call"
            f" may mark {AT_ONCE_MAX}; mark them with calls of their own first",
            "too_many_rows",
        )
    marked.count += len(found)
    return _mark_all(tx, org, found)


def mark_seen(tx: Tx, org: int, identity: str, ids: Sequence[int]) -> int:
    """Mark those of some notifications that the identity has not seen; how many.

    Contract: catbird-capabilities, N4.
    """
    named = msgspec.json.encode(ids).decode()
    asked = {"org": org, "identity": identity, "ids": named, "now_ms": tx.now_ms}
    count = tx.execute(statements.MARK, asked)
    tx.count_now(org, UNSEEN, -count)
    return count


def _first_up_to(tx: Tx, org: int, identity: str, until: int, limit: int) -> list[UnseenRow]:
    asked = {"org": org, "identity": identity, "until": until, "now_ms": tx.now_ms}
    return tx.rows(statements.FIRST_UP_TO, {**asked, "limit": limit})


def _mark_all(tx: Tx, org: int, rows: Sequence[UnseenRow]) -> int:
    """How many of them had not expired. The others are marked to be out of the way."""
    if rows:
        ids = msgspec.json.encode([row["id"] for row in rows]).decode()
        tx.execute(statements.MARK_ALL, {"ids": ids, "now_ms": tx.now_ms})
        tx.count_now(org, UNSEEN, -len(rows))
    return sum(row["is_live"] for row in rows)
