"""REST routes for the items of steps. Contract: catbird-capabilities, F37-F42, A7."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.records import RESULT_BYTES_MAX, Claimant, check_json_size
from spooled_lite.core.lifecycle.step_items import (
    NewItems,
    add_items,
    complete_item,
    find_step_with_items,
)
from spooled_lite.core.steps.item_outputs import ITEM_STATES, ItemPage, ItemState, page_of_items
from spooled_lite.core.steps.item_sources import STORED_AT_ONCE
from spooled_lite.errors import BadRequest, SpooledError
from spooled_lite.storage.transaction import PreparedStep, Reading, together
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.body import decode
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import integer
from spooled_lite.wire.shapes.step_items import (
    AddItems,
    CompletedItem,
    CompleteItem,
    CompleteItems,
    ItemsCompleted,
    ItemsPage,
    ItemsTaken,
    ItemView,
    NamedItem,
)

LISTED: Final = 100
LISTED_MAX: Final = 1_000
INDEX_MAX: Final = 2**31
COMPLETED_AT_ONCE: Final = 100  # items in one transaction: some twenty milliseconds


async def add(call: Call) -> Reply:
    """In passes, so that no other caller waits long: what was stored before the lease of the
    producer ended stays stored.
    """
    body = await call.body(AddItems)
    new = await call.off_loop(_new_items, call, body)
    call.notes.jobs = len(new.items)
    accepted = total = 0
    for first in range(0, len(new.items), STORED_AT_ONCE):
        some = new.items[first : first + STORED_AT_ONCE]
        offset = None if new.offset is None else new.offset + first
        done = await call.write(
            add_items,
            call.org,
            call.path("id"),
            call.path("key"),
            msgspec.structs.replace(new, items=some, offset=offset),
            admission_of(call),
            call.scope,
        )
        accepted, total = accepted + done.accepted, done.total
    return reply(ItemsTaken(accepted, total))


async def complete_many(call: Call) -> Reply:
    body = await call.body(CompleteItems)
    given = body.each()
    call.notes.jobs = len(given)
    found = await call.reads.read(
        find_step_with_items, call.org, call.path("id"), call.path("key"), call.scope
    )
    prepared = await call.off_loop(_prepared, call, found.row["seq"], given)
    steps = [each.step for each in prepared if each.step is not None]
    outcomes = iter(await _together(call, steps))
    return reply(
        ItemsCompleted(
            [
                _told(each.job_id, each.error if each.step is None else next(outcomes))
                for each in prepared
            ]
        )
    )


async def list_all(call: Call) -> Reply:
    after = integer(call, "after_index", default=-1, least=-1, most=INDEX_MAX)
    limit = integer(call, "limit", default=LISTED, least=1, most=LISTED_MAX)
    shown = await call.reads.read(
        _page, call.org, call.path("id"), call.path("key"), call.scope, _state(call), after, limit
    )
    views = [ItemView.of(row) for row in shown.rows]
    return reply(ItemsPage(views, shown.next_after_index, shown.has_more))


def _page(
    tx: Reading,
    org: int,
    workflow_id: str,
    key: str,
    scope: Any,
    state: ItemState | None,
    after: int,
    limit: int,
) -> ItemPage:
    found = find_step_with_items(tx, org, workflow_id, key, scope)
    return page_of_items(tx, found.row, state, after=after, limit=limit)


def _new_items(call: Call, body: AddItems) -> NewItems:
    """Raises: as `AddItems.new_items` and `check_payload_of_plan`."""
    new = body.new_items(item_bytes_max=call.settings.queue_max_payload_size_bytes)
    for index, item in enumerate(new.items):
        check_payload_of_plan(call, item, f"items[{index}]")
    return new


class _Completing(Struct, frozen=True):
    """What is to be done about one item, or what is wrong with it."""

    job_id: str | None
    step: PreparedStep | None = None
    error: SpooledError | None = None


def _prepared(call: Call, step: int, given: Sequence[bytes]) -> list[_Completing]:
    return [_prepare(call, step, each, f"items[{index}]") for index, each in enumerate(given)]


def _prepare(call: Call, step: int, given: bytes, place: str) -> _Completing:
    job_id = None
    try:
        job_id = decode(NamedItem, given, at=place).id
        body = decode(CompleteItem, given, at=place)
    except SpooledError as error:
        return _Completing(job_id, error=error)
    result = bytes(body.result)
    try:
        check_json_size(result, RESULT_BYTES_MAX, "result")
    except SpooledError as error:
        return _Completing(job_id, error=error.placed(place))
    claimant = Claimant(worker_id=body.worker_id, lease_id=body.lease_id)
    shown = result if result != b"null" else None
    return _Completing(
        job_id, (complete_item, (call.org, step, job_id, claimant, shown, call.scope))
    )


async def _together(call: Call, steps: Sequence[PreparedStep]) -> list[Any]:
    groups = [
        steps[first : first + COMPLETED_AT_ONCE]
        for first in range(0, len(steps), COMPLETED_AT_ONCE)
    ]
    writes = [call.write(together, group) for group in groups]
    return [outcome for outcomes in await asyncio.gather(*writes) for outcome in outcomes]


def _told(job_id: str | None, outcome: Exception | None) -> CompletedItem:
    if outcome is None:
        return CompletedItem(id=job_id, success=True)
    assert isinstance(outcome, SpooledError), "the storage answers with nothing else"
    return CompletedItem(id=job_id, success=False, error=envelope(outcome))


def _state(call: Call) -> ItemState | None:
    given = call.query.get("state")
    for state in ITEM_STATES:
        if given == state:
            return state
    if given:
        raise BadRequest(f"Query parameter `state` must be one of: {', '.join(ITEM_STATES)}")
    return None
