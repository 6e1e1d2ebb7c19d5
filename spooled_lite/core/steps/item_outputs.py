"""What the items of a step give: put together in the order of their indexes, or a page of them."""

from typing import Final, Literal, TypedDict, get_args

from msgspec import Struct

from spooled_lite.core.jobs.bodies import PAGE_BYTES_MAX, is_intact
from spooled_lite.core.jobs.passes import fitting
from spooled_lite.core.steps import item_page_statements as statements
from spooled_lite.core.steps import item_statements
from spooled_lite.core.steps.columns import NumberedRow
from spooled_lite.core.steps.item_page_statements import ItemRow
from spooled_lite.core.steps.item_statements import ItemsRow
from spooled_lite.errors import BodyDamaged
from spooled_lite.storage.transaction import Reading

# Of an array that is put together. Nothing is lost of a longer one: its items are read in pages.
ARRAY_BYTES_MAX: Final = 8 * 1024 * 1024
PASSED_OVER_MAX: Final = 5_000  # items that a page looks at for those of one state

ItemState = Literal["queued", "started", "completed", "failed", "canceled"]
ITEM_STATES: Final[tuple[ItemState, ...]] = get_args(ItemState)


class ItemCounts(TypedDict):
    """How many items of a step there are."""

    total: int | None  # None: not known yet
    stored: int
    open: int
    completed: int
    failed: int


class ItemPage(Struct, frozen=True):
    rows: list[ItemRow]
    next_after_index: int
    has_more: bool


def item_counts(tx: Reading, step: NumberedRow) -> ItemCounts | None:
    """None: the step has none."""
    items = tx.row(item_statements.STANDING, {"step": step["seq"]})
    if items is None or not items["items_window"]:
        return None
    return {
        "total": items["items_total"],
        "stored": items["items_stored"],
        "open": items["items_open"],
        "completed": items["items_done"] - items["items_failed"],
        "failed": items["items_failed"],
    }


def array_bytes(tx: Reading, step: NumberedRow) -> int:
    """How long the array of a completed step is."""
    items = tx.row(item_statements.STANDING, {"step": step["seq"]})
    return 2 if items is None else _array_bytes(items)


def array_of_items(
    tx: Reading, step: NumberedRow, bytes_max: int = ARRAY_BYTES_MAX
) -> bytes | None:
    """The outputs of a completed step with items as a JSON array, in the order of their indexes.

    None: it is longer than `bytes_max`, or one of them is damaged in the file, or gone.
    """
    items = tx.row(item_statements.STANDING, {"step": step["seq"]})
    if items is None or _array_bytes(items) > bytes_max:
        return None
    rows = tx.rows(statements.OUTPUTS, {"step": step["seq"]})
    if len(rows) < items["items_stored"]:  # some were deleted with their queue
        return None
    if not all(is_intact(row["result"], row["checksum"]) for row in rows):
        return None
    return b"[%b]" % b",".join(row["result"] or b"null" for row in rows)


def _array_bytes(items: ItemsRow) -> int:
    return 2 + items["output_bytes"] + items["items_stored"]


def page_of_items(
    tx: Reading, step: NumberedRow, state: ItemState | None, *, after: int, limit: int
) -> ItemPage:
    """Items of a step after an index, in order, with their outputs.

    Fewer than `limit` when they are large, or when many are passed over for those of a state: then
    there is more after `next_after_index`, also when the page is empty.

    Raises BodyDamaged: an output is not what was stored.
    """
    items = tx.row(item_statements.STANDING, {"step": step["seq"]})
    last = -1 if items is None else items["items_stored"] - 1
    until = min(last, after + PASSED_OVER_MAX)
    asked = {"step": step["seq"], "after": after, "until": until, "limit": limit}
    found = tx.rows(statements.SIZES[state], asked)
    count = fitting([row["size_bytes"] for row in found], PAGE_BYTES_MAX)
    rows = tx.rows(statements.PAGES[state], {**asked, "limit": count})
    if not all(is_intact(row["result"], row["checksum"]) for row in rows):
        raise BodyDamaged("result")
    if count < len(found) or len(found) == limit:
        until = rows[-1]["item_index"]
    return ItemPage(rows, max(until, after if not rows else until), until < last)
