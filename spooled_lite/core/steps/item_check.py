"""Do steps with items agree with their items? For `spooled-lite check`: it looks at every one."""

from collections.abc import Iterator

from spooled_lite.core.steps import item_check_statements as statements
from spooled_lite.core.steps.item_check_statements import FoundItemsRow
from spooled_lite.storage.transaction import Reading


def item_problems(tx: Reading) -> list[str]:
    """What does not add up, a sentence each; nothing when all is well.

    Of a step whose items are all there: as many as it says have ended, are open and were not
    completed. Nothing is open of a step that has ended. Each item has a step.
    """
    found = [said for row in tx.rows(statements.ALL_WITH_ITEMS) for said in _of_step(row)]
    if count := tx.value(statements.WITHOUT_STEP):
        found.append(f"{count} items belong to a step that is not there")
    return found


def _of_step(row: FoundItemsRow) -> Iterator[str]:
    counts = {
        "open": (row["items_open"], row["open_found"]),
        "ended": (row["items_done"], row["done_found"]),
        "lost": (row["items_failed"], row["failed_found"]),
    }
    step = f"job {row['id']}"
    if row["found"] > row["items_stored"]:
        yield f"{step}: {row['items_stored']} items by the counter, {row['found']} rows"
    if row["found"] == row["items_stored"]:  # else some were deleted with their queue
        for name, (counted, there) in counts.items():
            if counted != there:
                yield f"{step}: {counted} {name} items by the counter, {there} rows"
    if row["items_released"] > row["items_stored"]:
        yield f"{step}: {row['items_released']} items released of {row['items_stored']}"
    if row["items_total"] is not None and row["items_stored"] > row["items_total"]:
        yield f"{step}: {row['items_stored']} items stored of {row['items_total']}"
    if row["has_ended"] and row["open_found"]:
        yield f"{step}: it has ended, and {row['open_found']} of its items are open"
