"""The routes of the items of steps."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.steps.item_outputs import ITEM_STATES
from spooled_lite.core.steps.items import ITEMS_MAX
from spooled_lite.errors import (
    BadRequest,
    Conflict,
    LeaseExpired,
    PayloadTooLarge,
    QuotaExceeded,
)
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, whole
from spooled_lite.wire.http.resources import step_items
from spooled_lite.wire.shapes import step_items as shapes
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID

STEP_ITEMS: Final[Mapping[Handler, Doc]] = {
    step_items.list_all: Doc(
        summary="Read items of a step in their order, with their outputs",
        about="A page has fewer items than `limit` when their outputs are over 4 MiB together, or"
        " when many are passed over for those of a state; then `has_more` is true.",
        parameters=(
            Parameter(
                "state",
                "Only items that stand there",
                {"type": "string", "enum": list(ITEM_STATES)},
            ),
            Parameter(
                "after_index",
                "Only those after this one: `next_after_index` of the page before",
                whole(-1, -1, step_items.INDEX_MAX),
            ),
            Parameter(
                "limit", "At most so many", whole(step_items.LISTED, 1, step_items.LISTED_MAX)
            ),
        ),
        answer=shapes.ItemsPage,
        errors=(BadRequest, Conflict),
    ),
    step_items.add: Doc(
        summary="Add items to a generator, as its producer",
        about="They can be claimed at once, while the producer goes on. With `offset` a batch may"
        " be sent again: the indexes that are there are passed over, and one beyond the end is"
        f" refused. A step has at most {ITEMS_MAX:,} items.",
        body=shapes.AddItems,
        example={
            "job_id": AN_ID,
            "lease_id": A_LEASE,
            "offset": 0,
            "items": [{"sku": "a"}, {"sku": "b"}],
        },
        answer=shapes.ItemsTaken,
        errors=(Conflict, LeaseExpired, PayloadTooLarge, QuotaExceeded),
    ),
    step_items.complete_many: Doc(
        summary="Complete many items of a step",
        about="Each as `POST /jobs/{id}/complete` does, with a result of its own, in the order of"
        " the call. One that is refused changes nothing and keeps none of the others from being"
        " completed.",
        body=shapes.CompleteItems,
        parts=(shapes.CompleteItem,),
        example={"items": [{"id": AN_ID, "lease_id": A_LEASE, "result": 40}]},
        answer=shapes.ItemsCompleted,
        errors=(Conflict,),
    ),
}
