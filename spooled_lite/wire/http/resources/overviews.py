"""What the pages of a dashboard show beyond the lists: the table of queues, why a job waits."""

from typing import Final, get_args

from spooled_lite.core.overview.explain import explain
from spooled_lite.core.overview.queue_board import Order, Wanted, queue_board
from spooled_lite.errors import BadRequest
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.shapes.explained import JobExplained
from spooled_lite.wire.shapes.queue_board import QueueOverview

ORDERS: Final[tuple[Order, ...]] = get_args(Order)


async def queues(call: Call) -> Reply:
    shown = page(call)
    wanted = Wanted(
        order=_order(call),
        search=call.query.get("search"),
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    found = await call.reads.read(
        queue_board, call.org, call.scope, wanted, call.services.claim_watch
    )
    return paged([QueueOverview.of(each) for each in found], shown)


async def why_waiting(call: Call) -> Reply:
    found = await call.reads.read(
        explain, call.org, call.path("id"), call.scope, call.services.claim_watch
    )
    return reply(JobExplained.of(found))


def _order(call: Call) -> Order:
    """Raises BadRequest for an unknown one."""
    given = call.query.get("sort") or ORDERS[0]
    for order in ORDERS:
        if given == order:
            return order
    raise BadRequest(f"Query parameter `sort` must be one of: {', '.join(ORDERS)}")
