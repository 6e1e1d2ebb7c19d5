"""What a worker has done together with the end of an attempt. Contract: catbird, section 19.9."""

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from spooled_lite.core.batch.then import settle_and_then
from spooled_lite.storage.transaction import PreparedStep
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.resources.batch import (
    count_operations,
    prepared_operations,
    told_of_operations,
)


async def settled_with(
    call: Call, settle: PreparedStep, then: Sequence[Raw], field: str = "then"
) -> tuple[Any, list[Any]]:
    """Settle a job and run these operations, all or nothing; what came of it, and of each.

    Raises: as `settle_and_then` and `prepared_operations`.
    """
    prepared = await call.off_loop(prepared_operations, call, then, field)
    steps = [each.step for each in prepared]
    settled, results = await call.write(settle_and_then, settle, steps)
    count_operations(call, prepared, results)
    return settled, told_of_operations(prepared, results)
