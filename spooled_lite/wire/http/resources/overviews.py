"""REST routes of overviews for the dashboard: queues, errors, why a job waits."""

from collections.abc import Sequence
from typing import Final, TypeVar, get_args

from spooled_lite.core.overview import errors
from spooled_lite.core.overview.explain import explain
from spooled_lite.core.overview.queue_board import Order, Wanted, queue_board
from spooled_lite.errors import BadRequest
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged, time_ms
from spooled_lite.wire.shapes.error_groups import ErrorOverview
from spooled_lite.wire.shapes.explained import JobExplained
from spooled_lite.wire.shapes.queue_board import QueueOverview

KINDS: Final[tuple[errors.DeadOrFailing, ...]] = get_args(errors.DeadOrFailing)
ORDERS: Final[tuple[Order, ...]] = get_args(Order)


T = TypeVar("T", bound=str)


async def queues(call: Call) -> Reply:
    shown = page(call)
    wanted = Wanted(
        order=_one_of(call, "sort", ORDERS),
        search=call.query.get("search"),
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    found = await call.reads.read(
        queue_board, call.org, call.scope, wanted, call.services.claim_watch
    )
    return paged([QueueOverview.of(each) for each in found], shown)


async def errors_by_kind(call: Call) -> Reply:
    shown = page(call)
    wanted = errors.ErrorsWanted(
        kind=_one_of(call, "kind", KINDS),
        queue_name=call.query.get("queue") or call.query.get("queue_name") or None,
        since_ms=time_ms(call, "since"),
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    found = await call.reads.read(errors.error_groups, call.org, call.scope, wanted)
    return paged([ErrorOverview.of(each) for each in found], shown)


async def why_waiting(call: Call) -> Reply:
    found = await call.reads.read(
        explain, call.org, call.path("id"), call.scope, call.services.claim_watch
    )
    return reply(JobExplained.of(found))


def _one_of(call: Call, name: str, choices: Sequence[T]) -> T:
    """The first one when none is named. Raises BadRequest for an unknown one."""
    given = call.query.get(name) or choices[0]
    for choice in choices:
        if given == choice:
            return choice
    raise BadRequest(f"Query parameter `{name}` must be one of: {', '.join(choices)}")
