"""What a loop does about steps with items: store those of a map, release more, close the rest. It
decides as well about steps that an operation had no time for.
"""

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.steps import item_statements as statements
from spooled_lite.core.steps.dependents import look_again
from spooled_lite.core.steps.fail_fast import WORKFLOW_FAILED
from spooled_lite.core.steps.item_ends import WORKFLOW_CANCELED, fail_step, settle_step
from spooled_lite.core.steps.item_sources import NotAnArray, next_portion
from spooled_lite.core.steps.item_statements import ItemsRow
from spooled_lite.core.steps.items import (
    FAILED_WITH_STEP,
    ITEMS_MAX,
    Closing,
    changed,
    close_portion,
    keep,
    release,
    store_portion,
)
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.document import document_of
from spooled_lite.storage.transaction import Tx


class ItemWork:
    """One organization after another, and of each one step after another, so that neither a long
    step nor a thousand of somebody else's keep a step waiting."""

    def __init__(self) -> None:
        self._org = 0  # the organization that had its turn last
        self._after: dict[int, int] = {}  # the step of each that had its turn last

    def run_once(self, tx: Tx) -> Pass:
        """A few hundred items of one step; due again at once as long as there is a step with work.

        A crash loses nothing: how far a step is stands in its row.
        """
        items = self._next(tx)
        if items is None:
            return Pass(0, None)
        _work(tx, items)
        return Pass(1, tx.now_ms)

    def _next(self, tx: Tx) -> ItemsRow | None:
        org = tx.value(statements.NEXT_ORG_WITH_WORK, {"after": self._org})
        if org is None and self._org:
            org = tx.value(statements.NEXT_ORG_WITH_WORK, {"after": 0})
        if org is None:
            self._after.clear()
            return None
        after = self._after.get(org, 0)
        items = tx.row(statements.NEXT_WITH_WORK, {"org": org, "after": after})
        if items is None:
            items = tx.row(statements.NEXT_WITH_WORK, {"org": org, "after": 0})
        assert items is not None, "the organization has a step with work"
        self._org, self._after[org] = org, items["job"]
        return items


def _work(tx: Tx, items: ItemsRow) -> None:
    step = tx.row(statements.STEP, {"step": items["job"]})
    if step is None:
        keep(tx, items, work=None)  # its queue was deleted, and it is deleted with it
    elif items["work"] == "decide":
        keep(tx, items, work=None)
        look_again(tx, step["seq"])
    elif items["work"] == "close":
        close_portion(tx, items, _as_step(step))
    elif items["work"] == "store":
        _store(tx, step, items)
    else:
        release(tx, items)
        settle_step(tx, step["seq"])


def _store(tx: Tx, step: JobRow, items: ItemsRow) -> None:
    workflow = tx.row(workflow_statements.OF_ONE_STEP, {"id": step["workflow_id"]})
    if workflow is None or workflow["document"] is None or step["status"] != "processing":
        keep(tx, items, work=None)
        return
    document = document_of(tx, workflow["document"])
    about = document.by_key[step["step_key"] or ""]
    try:
        portion = next_portion(
            tx,
            workflow,
            document,
            about,
            stored=items["items_stored"],
            offset=items["source_offset"],
        )
    except NotAnArray:
        error = f"Source `{about.source}` of step `{about.key}` must be a JSON array"
        fail_step(tx, changed(items, work=None), error)
        return
    if items["items_stored"] + len(portion.items) > ITEMS_MAX:
        error = f"Source `{about.source}` of step `{about.key}` has more than {ITEMS_MAX} items"
        fail_step(tx, changed(items, work=None), error)
    elif portion.items:
        store_portion(tx, step, about, items, portion)
    else:
        stored = items["items_stored"]
        keep(tx, items, is_produced=1, items_total=stored, work=None)
        settle_step(tx, step["seq"])


def _as_step(step: JobRow) -> Closing:
    """The items that are left of a step end as it did."""
    if step["status"] == "deadletter":
        return Closing(FAILED_WITH_STEP, WORKFLOW_FAILED, step["last_error"], comes_back=True)
    if step["status"] != "cancelled" or step["stop_reason"] is None:
        return Closing(None, WORKFLOW_CANCELED, None, comes_back=False)  # it ends with others
    has_failed = step["state"] == FAILED_WITH_STEP
    error = step["last_error"] if has_failed else None
    return Closing(step["state"], step["stop_reason"], error, comes_back=has_failed)
