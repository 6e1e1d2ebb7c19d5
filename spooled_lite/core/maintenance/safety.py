"""Look once a minute for work that no deadline announced. It is expected to find none."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from spooled_lite.core.jobs.passes import NextRow, Pass
from spooled_lite.core.lifecycle import claim_statements, statements
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.steps import close_statements
from spooled_lite.events import Deadline
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx

logger = logging.getLogger(__name__)

EVERY_MS: Final = 60_000
OVERDUE_MS: Final = 5_000  # later than this counts as missed; a loop may be about to do the rest

_NEXT: Final[Mapping[Deadline, Statement[NextRow]]] = {
    Deadline.PROMOTION: claim_statements.NEXT_PROMOTION,
    Deadline.LEASE_END: statements.NEXT_LEASE_END,
    Deadline.EXPIRY: statements.NEXT_EXPIRY,
    Deadline.RUN_EXPIRY: close_statements.NEXT_EXPIRY,
    Deadline.SLOT: schedule_statements.NEXT_SLOT,
}


class SafetySweep:
    """Announces overdue deadlines again, and counts them."""

    def __init__(self, on_repair: Callable[[int], None] = lambda count: None) -> None:
        self._on_repair = on_repair
        self._due_ms = 0  # when to look next

    def run_once(self, tx: Tx) -> Pass:
        is_late = tx.now_ms > self._due_ms + OVERDUE_MS
        self._due_ms = tx.now_ms + EVERY_MS
        if is_late:
            # No server ran, or the clock was set forward: much is overdue, and the loops are busy.
            return Pass(0, self._due_ms)
        repaired = 0
        for kind, statement in _NEXT.items():
            row = tx.row(statement)
            # A job that waits again only now may have expired long ago.
            if row and max(row["at_ms"], row["updated_at_ms"]) < tx.now_ms - OVERDUE_MS:
                logger.warning("a %s is overdue and no timer noticed it", kind.value)
                tx.due(kind, tx.now_ms)
                repaired += 1
        if repaired:
            self._on_repair(repaired)
        return Pass(repaired, self._due_ms)
