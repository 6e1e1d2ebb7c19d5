"""The end of an attempt and operations that belong to it, in one transaction: all, or none."""

from collections.abc import Sequence
from typing import Any

from spooled_lite.core.batch.run import BatchStep, all_or_nothing
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import PreparedStep, Tx


@in_lane(Lane.CREATE)
def settle_and_then(
    tx: Tx, settle: PreparedStep, steps: Sequence[BatchStep]
) -> tuple[Any, list[Any]]:
    """Complete, fail or hand back a job, then run the steps; what each of them gives.

    The steps run whatever comes of the attempt: another one, the dead letters, or its job being
    cancelled because it was told to stop. It stores like a create, and is refused like one when the
    disk is nearly full.

    Raises:
        What the settlement raises, before any step; what a step raises, as `all_or_nothing`. The
        job is held as before then.

    Contract: catbird-capabilities, section 19.9.
    """
    operation, arguments = settle
    settled = operation(tx, *arguments)
    return settled, all_or_nothing(tx, steps)
