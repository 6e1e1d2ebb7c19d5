"""What a jump of the machine's clock means for leases, delays and retries.

What was measured by one time must not end by another: a lease of five minutes is not over because
the clock went on by an hour, and a retry in ten seconds does not wait for the year 2036.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.passes import PASS_MAX, SizedRow, first_of
from spooled_lite.core.lifecycle import clock_statements as statements
from spooled_lite.storage.transaction import Tx

LOOKED_AT_MAX: Final = 1_000  # waiting jobs in one pass, nearly all of which stay as they are
ORGS_MAX: Final = 200  # looked at in one pass, nearly all of which have nothing of the kind


class WaitPosition(Struct, frozen=True):
    """Where a pass over waiting jobs goes on."""

    run_at_ms: int = 0
    seq: int = 0


def keep_leases(tx: Tx, by_ms: int, marked_ms: int, jump: Callable[[], None]) -> bool:
    """Before the clock jumps ahead: let every live lease end as much later. True when all do.

    To be called again until it says so; then it has called `jump`, so that no operation sees the
    new time with old leases. `marked_ms` is the same in each call, and a time still to come: a
    lease that was moved is known by it.

    Contract: amendments, on a clock that is set.
    """
    wanted = {"now_ms": tx.now_ms, "marked_ms": marked_ms, "limit": PASS_MAX}
    found = tx.rows(statements.LIVE_LEASES, wanted)
    some = first_of(found)
    tx.execute(
        statements.MOVE_LEASES, {"seqs": _seqs(some), "by_ms": by_ms, "marked_ms": marked_ms}
    )
    if len(some) < len(found) or len(found) == PASS_MAX:
        return False
    jump()
    return True


def set_back_leases(tx: Tx) -> bool:
    """After the clock was set back: let no lease end later than its length from now.

    Moves those that were taken or renewed at a time that is still to come; it is told from the
    rows alone, so a crash or a restart changes nothing. False: to be called again.
    """
    found = tx.rows(statements.LEASES_AHEAD, {"now_ms": tx.now_ms, "limit": PASS_MAX})
    some = first_of(found)
    tx.execute(statements.SET_BACK_LEASES, {"seqs": _seqs(some), "now_ms": tx.now_ms})
    return len(some) == len(found) < PASS_MAX


def set_back_waits(tx: Tx, after: WaitPosition) -> WaitPosition | None:
    """The same for retries, and for jobs with a delay; where to go on, None at the end.

    A job that was stored for a moment that its caller named keeps that moment.
    """
    rows = tx.rows(
        statements.WAITING_AFTER,
        {"run_at_ms": after.run_at_ms, "seq": after.seq, "limit": LOOKED_AT_MAX},
    )
    ahead = [
        row for row in rows if row["updated_at_ms"] > tx.now_ms and row["run_at_ms"] > tx.now_ms
    ]
    relative = [row for row in ahead if row["status"] == "pending" or row["delay_ms"] is not None]
    some = first_of(relative[:PASS_MAX])
    tx.execute(statements.SET_BACK_WAITS, {"seqs": _seqs(some), "now_ms": tx.now_ms})
    if len(some) < len(relative):
        return after  # those that were moved are found no more
    if len(rows) < LOOKED_AT_MAX:
        return None
    return WaitPosition(rows[-1]["run_at_ms"], rows[-1]["seq"])


def set_back_creation(tx: Tx, after: int) -> int | None:
    """Let no job count as created later than now; the organization to go on after, None at the end.

    Jobs are claimed in the order in which they were created: those of a year ahead would stand
    behind all others for that year.
    """
    orgs = tx.values(statements.ORGANIZATIONS_AFTER, {"after": after, "limit": ORGS_MAX})
    left = PASS_MAX
    for org in orgs:
        wanted = {"org": org, "now_ms": tx.now_ms, "limit": left}
        found = tx.rows(statements.CREATED_AHEAD, wanted)
        some = first_of(found)
        if some:
            tx.execute(statements.SET_BACK_CREATION, {"seqs": _seqs(some), "now_ms": tx.now_ms})
        left -= len(some)
        if len(some) < len(found) or left <= 0:
            return after  # those that were set back are found no more
        after = org
    return after if len(orgs) == ORGS_MAX else None


def _seqs(rows: Sequence[SizedRow]) -> str:
    return msgspec.json.encode([row["seq"] for row in rows]).decode()
