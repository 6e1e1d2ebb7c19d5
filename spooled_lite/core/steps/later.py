"""Leaving it to the loop to tell the jobs that wait for some of what has changed."""

from collections.abc import Sequence

import msgspec

from spooled_lite.core.steps import statements
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def tell_others_later(tx: Tx, jobs: Sequence[int]) -> None:
    """As `dependents.tell_dependents_later`, of many jobs: for callers that have decided about
    those among them that wait for one another."""
    asked = {"jobs": msgspec.json.encode(jobs).decode()}
    if tx.execute(statements.MARK_CASCADES, asked):
        tx.due(Deadline.DEPENDENTS, tx.now_ms)
