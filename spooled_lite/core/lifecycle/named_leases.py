"""Leases whose ids claims have chosen: such a claim can be made again when its answer was lost.

Each has a row of its own; for claims that name no lease nothing is written or looked for.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

import msgspec

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle import named_lease_statements as statements
from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.errors import Conflict
from spooled_lite.storage.transaction import Tx

# From then on a claim with this id is a new one: longer than any claim is tried again. A row has
# some 150 bytes, and a busy organization makes hundreds of thousands in this time.
KEPT_MS: Final = 3_600_000
FORGET_MAX: Final = 500  # rows in one transaction, so that a claim does not wait long for it


class LeaseIdSpent(Conflict):
    """Nothing is held any more under the lease id of a claim, or it is that of another worker."""

    def __init__(self) -> None:
        super().__init__("This lease id was used before")


def held_under(tx: Tx, org: int, lease_id: str, worker_id: str) -> list[JobRow] | None:
    """What a claim that is made again still holds; None when it was not made before.

    Raises:
        LeaseIdSpent: it holds nothing, or was made by another worker. It gets nothing new: the
            worker may have done what it was given, and one id must not stand for two claims.
    """
    key = {"org": org, "lease_id": lease_id}
    named = tx.row(statements.FIND, key)
    if named is None:
        return None
    if named["worker_id"] != worker_id:
        raise LeaseIdSpent
    rows = tx.rows(statements.STILL_HELD_UNDER, {**key, "jobs": named["jobs"], "now_ms": tx.now_ms})
    if not rows:
        raise LeaseIdSpent
    tx.execute(statements.MARK_REPEATED, {"seq": named["seq"]})
    return rows


def keep_name(tx: Tx, org: int, lease_id: str, worker_id: str, jobs: Sequence[JobRow]) -> None:
    """Remember what a claim was given that has chosen the id of its lease."""
    numbers = msgspec.json.encode([job["seq"] for job in jobs]).decode()
    named = {"org": org, "lease_id": lease_id, "worker_id": worker_id, "jobs": numbers}
    tx.execute(statements.KEEP, {**named, "now_ms": tx.now_ms})


def not_claimed_again(tx: Tx, jobs: Sequence[HeldRow]) -> list[HeldRow]:
    """Those of the jobs that may go back because the caller that was given them is gone.

    The others were given once more to a claim that was made again: whoever made it works on them.
    The ids of the leases of the former may be used as if there had been no claim.
    """
    free: list[HeldRow] = []
    for (org, lease_id), group in groupby(jobs, key=itemgetter("org", "lease_id")):
        key = {"org": org, "lease_id": lease_id}
        is_repeated = tx.value(statements.IS_REPEATED, key)
        if is_repeated == 0:
            tx.execute(statements.FORGET, key)
        if not is_repeated:
            free += group
    return free


def forget_named_leases(tx: Tx) -> int:
    """Returns how many rows were deleted."""
    before_ms = tx.now_ms - KEPT_MS
    return tx.execute(statements.FORGET_OLD, {"before_ms": before_ms, "limit": FORGET_MAX})
